export default {
  // Login
  title: 'Switchboard', operator: 'Operator', password: 'Password', logIn: 'Log in', loggingIn: 'Logging in …',
  'wrong-secret': 'The name or the password is wrong.',
  'too-many': 'Too many attempts. Try again in {s} s.',
  'login-busy': 'The switchboard is busy. Try again in a moment.',
  'login-unreachable': 'The switchboard cannot be reached.',
  'login-failed': 'That did not work: {why}',
  sessionOver: 'Your session is over. Log in again.',
  // Before work
  hello: 'Hello {operator}', yourPhone: 'Your phone', thisBrowser: 'This browser',
  thisBrowserNote: 'Microphone and camera of this computer', deskPhone: 'The desk phone',
  deskPhoneNote: 'You talk at a phone of its own; this page controls', number: 'Number',
  microphone: 'Microphone', camera: 'Camera', speaker: 'Voices come from', ringer: 'Ringing comes from', byDefault: 'As the system has it',
  noCameraWanted: 'No camera', cleaned: 'Take echo and noise out of the microphone', level: 'Level of the microphone',
  testRing: 'Ring once', startWork: 'Start work', starting: 'Starting …',
  startNote: 'This unlocks the ringing and asks whether the page may notify you.',
  notAllowed: 'The browser does not let this page use microphone and camera. Allow it at the address bar, then try again.',
  noMicrophone: 'No microphone was found. Plug one in, then try again.',
  noCamera: 'No camera was found: they will hear you, but not see you.',
  insecurePage: 'Browsers give microphone and camera to pages over https only.', tryAgain: 'Try again',
  'hello-refused': 'The switchboard does not give you this phone: {why}',
  // Heading
  free: 'Free', busy: 'In a call', dnd: 'Do not disturb', ready: 'Ready', state: 'Your state', noSwitchboard: 'No switchboard',
  reconnecting: 'The connection is lost. Calling again …', 
  'phone-unregistered': 'not registered', 'phone-unreachable': 'does not answer', 'phone-refusing': 'refuses calls', 'phone-ok': 'ready',
  waitingCount: { one: '{n} waiting', other: '{n} waiting' }, longest: 'longest {time}', nobodyWaiting: 'nobody waits',
  night: 'Closed: {queues}', settings: 'Settings', help: 'Keys', logOut: 'Log out', soundLocked: 'Press any key or click: the browser keeps the page silent until then.',
  // Waiting
  waiting: 'Waiting', take: 'Take', decline: 'Leave to others', declineOf: 'Leave {who} to others',
  priority: 'urgent', 
  // The call
  nobodyAtEar: 'No call', nothingWaits: 'Calls that are offered to you appear at the left.',
  withYou: 'with you', recording: 'being recorded', comesBack: 'comes back after each callee', anonymous: 'anonymous', guest: 'guest',
  trunk: 'from outside', 
  'phase-ringing-you': 'Your phone rings: pick up to talk to {caller}', 'phase-ringing-browser': '{caller} is being connected to you', 'phase-with-caller': 'You talk to {caller}',
  'phase-consulting': '{callee} {progress}; {caller} waits', 'phase-talking-to-callee': 'You talk to {callee}; {caller} waits',
  'phase-alternated': 'You talk to {caller}; {callee} waits', 'phase-connected': '{caller} and {callee} talk to each other',
  'phase-releasing': '{caller} and {callee} talk; you are leaving', 'phase-in-hand': '{caller} waits in hand', 'phase-handing-over': '{caller}: {callee} {progress}',
  'progress-trying': 'is called', 'progress-ringing': 'rings', 'progress-answered': 'is there', 'progress-busy': 'is busy', 'progress-no-answer': 'does not answer',
  'progress-refused': 'refuses', 'progress-unreachable': 'cannot be reached', 'progress-hung-up': 'has hung up',
  'ended-handed-over': 'Handed over: the two go on without you.', 'ended-caller-hung-up': '{caller} has hung up.',
  'ended-callee-hung-up': 'The called person has hung up.', 'ended-phone-gone': 'Your phone is gone; {caller} waits again.',
  'ended-logged-out': 'You have logged out; {caller} waits again.', 'ended-operator-hung-up': 'You have hung up.', ended: 'The call has ended: {why}',
  // Who hears and sees me
  nobodySenses: 'Nobody hears or sees you', hearsAndSees: { one: '{who} hears and sees you', other: '{who} hear and see you' },
  hears: { one: '{who} hears you, but does not see you', other: '{who} hear you, but do not see you' },
  hearsOnly: { one: '{who} hears you', other: '{who} hear you' },
  sees: { one: '{who} sees you, but does not hear you', other: '{who} see you, but do not hear you' },
  micMuted: 'Your microphone is muted', micSilent: 'Your microphone gives no sound', cameraIsOff: 'Your camera is off',
  you: 'You', noPicture: 'No picture', pictureOf: '{who}: picture', ownPicture: 'Your own picture',
  
  // Health
  health: 'Sound and picture', sound: 'Sound', video: 'Picture', loss: 'Loss', 'q-ok': 'good', 'q-poor': 'poor', 'q-none': 'nothing', 'q-absent': 'none agreed', 'q-': 'not known',
  converted: 'converted', away: '{n} ms away', fps: '{n} pictures/s', caller: 'Caller', callee: 'Called', 
  // Commands
  consult: 'Consult', alternate: 'Other one', connect: 'Connect', release: 'Release', cancel: 'Drop', 'cancel-ringing-you': 'Give back', hangup: 'Hang up all', transfer: 'Leave it to', park: 'Park', parkFor: 'Park for',
  swap: 'Swap', serial: 'Comes back', record: 'Record', pick: 'Get', force: 'Leave anyway', mute: 'Mute', unmute: 'Speak again', camera_off: 'Camera off', camera_on: 'Camera on', keypad: 'Keypad',
  onItsWay: 'on its way', sent: '{what} …', answer: 'Answer', refuse: 'Refuse', callsYou: '{who} calls this phone',
  notNow: 'Not possible now.', noCall: 'You have no call.', nobodyWaits: 'Nobody waits.', notOffered: 'Nothing is offered to you.', inACall: 'You are in a call.', nobodyParked: 'Nobody is parked.',
  nobodyHeld: 'No other call is in hand.', noPlace: 'Nobody waits at place {n}.', notHealthy: 'Not yet: {what}.', releaseWaits: 'leaving when both are heard and seen',
  'block-audio': 'no sound from {who}', 'block-video': 'no picture from {who}', 'block-hold': '{who} holds the call', 'block-dialog': '{who} is not connected',
  askForce: 'Leave them anyway? ({what})', askHangup: 'Hang up the whole call?', askLogout: 'Log out?', askLogoutCall: 'Log out? The caller goes on at the phone or waits again.',
  yes: 'Yes', no: 'No', close: 'Close',
  // Refusals
  'e-already-taken': 'Another was faster: {text}', 'e-no-such-request': 'This call does not wait any more.', 'e-not-offered': 'This call was not offered to you.',
  'e-wrong-phase': 'Not possible now.', 'e-no-such-number': 'Nobody has this number.', 'e-refused': 'Not allowed: {text}', 'e-unreachable': 'No phone is registered there.',
  'e-refused-by-level': 'Your level does not allow it: {text}', 'e-unhealthy': 'They do not hear and see each other yet. Leave anyway with {key}.',
  'e-phone-unregistered': 'Your desk phone is not registered.', 'e-unknown-command': 'The switchboard does not know this command.', 'e-bad-field': 'The switchboard does not understand this: {text}',
  'e-interrupted': 'The switchboard was restarted meanwhile. What you see is how things stand.', 'e-internal': 'The switchboard could not write it down. Nothing was changed: try again.',
  'e-no-answer': 'The switchboard has not answered.', 'e-no-switchboard': 'No switchboard at the moment.', 'e-not-accepted': 'Not accepted: {text}',
  // Directory
  directory: 'Directory', search: 'Find a name or number', searchConsult: 'Consult whom?', searchTransfer: 'Leave the call to whom?', searchPark: 'Park for whom?', nobodyFound: 'Nobody found.', more: 'There are more: type on.',
  favourites: 'Favourites', noFavourites: 'Find somebody, then mark the star.', addFavourite: 'Add {who} to favourites', removeFavourite: 'Remove {who} from favourites',
  'st-free': 'free', 'st-ringing': 'rings', 'st-talking': 'talks', 'st-away': 'away', 'st-': '',
  earlier: 'Earlier calls', history: 'Your calls', noEarlier: 'No earlier calls.', notes: 'Notes', noNotes: 'No notes on {number}.', newNote: 'New note on {number}', addNote: 'Keep', removeNote: 'Remove this note',
  notKept: 'That could not be kept: {why}', 
  'o-connected': 'connected', 'o-handed-over': 'handed over', 'o-abandoned': 'gave up', 'o-answered': 'answered', 'o-busy': 'busy', 'o-no-answer': 'no answer', 'o-refused': 'refused', 'o-timeout': 'waited too long', 'o-overflow': 'sent on', 'o-failed': 'failed',
  // Hands
  hands: 'In hand', parked: 'Parked', parkedBy: 'parked by {by}', wanted: 'for {number}', recalled: '{who} has waited in hand for {n} s.',
  // Settings
  language: 'Language', keys: 'Keys', 'keys-letters': 'Letters', 'keys-functions': 'Function keys', 'keys-off': 'None', keysNote: 'No key acts while you type.', devices: 'Devices',
  keysOf: 'Keys', place: 'the nth who waits', done: 'Done', find: 'Find', camera_key: 'Camera on or off', mute_key: 'Microphone on or off', takeFirst: 'Take the first who waits',
  // Evicted and over
  evicted: 'Another desk of {operator} has taken over', evictedNote: 'This page gets no calls any more. It does not take them back by itself.', workHere: 'Work here again',
  // Notices
  offerOf: '{who} waits', muted: 'Muted', unmuted: 'Not muted', cameraOff: 'Camera off', cameraOn: 'Camera on', isNight: '{queue} is closed.', isDay: '{queue} is open.', back: 'Connected again.',
  phoneGone: 'Your phone {state}.', live: 'Messages',
};
