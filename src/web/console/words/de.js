export default {
  // Anmelden
  title: 'Vermittlung', operator: 'Platz', password: 'Passwort', logIn: 'Anmelden', loggingIn: 'Wird angemeldet …',
  'wrong-secret': 'Name oder Passwort ist falsch.',
  'too-many': 'Zu viele Versuche. In {s} s geht es wieder.',
  'login-busy': 'Die Vermittlung ist beschäftigt. Bitte gleich noch einmal.',
  'login-unreachable': 'Die Vermittlung ist nicht erreichbar.',
  'login-failed': 'Das ging nicht: {why}',
  sessionOver: 'Die Sitzung ist zu Ende. Bitte neu anmelden.',
  // Vor der Arbeit
  hello: 'Guten Tag, {operator}', yourPhone: 'Ihr Telefon', thisBrowser: 'Dieser Browser',
  thisBrowserNote: 'Mikrofon und Kamera dieses Rechners', deskPhone: 'Das Tischtelefon',
  deskPhoneNote: 'Sie sprechen an einem eigenen Telefon, diese Seite steuert', number: 'Nummer',
  microphone: 'Mikrofon', camera: 'Kamera', speaker: 'Stimmen kommen aus', ringer: 'Das Klingeln kommt aus', byDefault: 'Wie im System eingestellt',
  noCameraWanted: 'Keine Kamera', cleaned: 'Echo und Rauschen aus dem Mikrofon nehmen', level: 'Pegel des Mikrofons',
  testRing: 'Einmal klingeln', startWork: 'Arbeit beginnen', starting: 'Beginnt …',
  startNote: 'Damit darf die Seite klingeln, und sie fragt, ob sie Mitteilungen zeigen darf.',
  notAllowed: 'Der Browser lässt diese Seite nicht an Mikrofon und Kamera. Bitte in der Adresszeile erlauben und noch einmal versuchen.',
  noMicrophone: 'Kein Mikrofon gefunden. Bitte anschließen und noch einmal versuchen.',
  noCamera: 'Keine Kamera gefunden: Man hört Sie, sieht Sie aber nicht.',
  insecurePage: 'Browser geben Mikrofon und Kamera nur Seiten mit https.', tryAgain: 'Noch einmal',
  'hello-refused': 'Die Vermittlung gibt Ihnen dieses Telefon nicht: {why}',
  // Kopf
  free: 'Frei', busy: 'Im Gespräch', dnd: 'Nicht stören', ready: 'Bereit', state: 'Ihr Zustand', noSwitchboard: 'Keine Vermittlung',
  reconnecting: 'Die Verbindung ist verloren. Es wird neu gerufen …', 
  'phone-unregistered': 'nicht angemeldet', 'phone-unreachable': 'antwortet nicht', 'phone-refusing': 'lehnt Anrufe ab', 'phone-ok': 'bereit',
  waitingCount: { one: '{n} wartet', other: '{n} warten' }, longest: 'längste Wartezeit {time}', nobodyWaiting: 'niemand wartet',
  night: 'Geschlossen: {queues}', settings: 'Einstellungen', help: 'Tasten', logOut: 'Abmelden', soundLocked: 'Bitte eine Taste drücken oder klicken: So lange hält der Browser die Seite stumm.',
  // Wartende
  waiting: 'Es warten', take: 'Annehmen', decline: 'Anderen lassen', declineOf: '{who} anderen lassen',
  priority: 'dringend', 
  // Das Gespräch
  nobodyAtEar: 'Kein Gespräch', nothingWaits: 'Anrufe, die Ihnen angeboten werden, erscheinen links.',
  withYou: 'bei Ihnen seit', recording: 'wird aufgenommen', comesBack: 'kommt nach jedem Gespräch zurück', anonymous: 'unbekannt', guest: 'Gast',
  trunk: 'von außen', 
  'phase-ringing-you': 'Ihr Telefon klingelt: Heben Sie ab, um mit {caller} zu sprechen', 'phase-ringing-browser': '{caller} wird mit Ihnen verbunden', 'phase-with-caller': 'Sie sprechen mit {caller}',
  'phase-consulting': '{callee} {progress}; {caller} wartet', 'phase-talking-to-callee': 'Sie sprechen mit {callee}; {caller} wartet',
  'phase-alternated': 'Sie sprechen mit {caller}; {callee} wartet', 'phase-connected': '{caller} und {callee} sprechen miteinander',
  'phase-releasing': '{caller} und {callee} sprechen; Sie gehen', 'phase-in-hand': '{caller} wartet in der Hand', 'phase-handing-over': '{caller}: {callee} {progress}',
  'progress-trying': 'wird gerufen', 'progress-ringing': 'klingelt', 'progress-answered': 'ist da', 'progress-busy': 'ist besetzt', 'progress-no-answer': 'antwortet nicht',
  'progress-refused': 'lehnt ab', 'progress-unreachable': 'ist nicht erreichbar', 'progress-hung-up': 'hat aufgelegt',
  'ended-handed-over': 'Übergeben: Die beiden sprechen ohne Sie weiter.', 'ended-caller-hung-up': '{caller} hat aufgelegt.',
  'ended-callee-hung-up': 'Die gerufene Person hat aufgelegt.', 'ended-phone-gone': 'Ihr Telefon ist weg; {caller} wartet wieder.',
  'ended-logged-out': 'Sie haben sich abgemeldet; {caller} wartet wieder.', 'ended-operator-hung-up': 'Sie haben aufgelegt.', ended: 'Das Gespräch ist zu Ende: {why}',
  // Wer mich hört und sieht
  nobodySenses: 'Niemand hört oder sieht Sie', hearsAndSees: { one: '{who} hört und sieht Sie', other: '{who} hören und sehen Sie' },
  hears: { one: '{who} hört Sie, sieht Sie aber nicht', other: '{who} hören Sie, sehen Sie aber nicht' },
  hearsOnly: { one: '{who} hört Sie', other: '{who} hören Sie' },
  sees: { one: '{who} sieht Sie, hört Sie aber nicht', other: '{who} sehen Sie, hören Sie aber nicht' },
  micMuted: 'Ihr Mikrofon ist stumm', micSilent: 'Ihr Mikrofon gibt keinen Ton', cameraIsOff: 'Ihre Kamera ist aus',
  you: 'Sie', noPicture: 'Kein Bild', pictureOf: '{who}: Bild', ownPicture: 'Ihr eigenes Bild',
  
  // Zustand der Verbindung
  health: 'Ton und Bild', sound: 'Ton', video: 'Bild', loss: 'Verlust', 'q-ok': 'gut', 'q-poor': 'schwach', 'q-none': 'nichts', 'q-absent': 'nicht vereinbart', 'q-': 'nicht bekannt',
  converted: 'umgewandelt', away: '{n} ms entfernt', fps: '{n} Bilder/s', caller: 'Anrufer', callee: 'Gerufene', 
  // Befehle
  consult: 'Rückfragen', alternate: 'Zum anderen', connect: 'Verbinden', release: 'Übergeben', cancel: 'Trennen', 'cancel-ringing-you': 'Zurückgeben', hangup: 'Alles auflegen', transfer: 'Weitergeben an', park: 'Parken', parkFor: 'Parken für',
  swap: 'Wechseln', serial: 'Kommt zurück', record: 'Aufnehmen', pick: 'Holen', force: 'Trotzdem gehen', mute: 'Stumm', unmute: 'Wieder sprechen', camera_off: 'Kamera aus', camera_on: 'Kamera ein', keypad: 'Wähltasten',
  onItsWay: 'unterwegs', sent: '{what} …', answer: 'Abheben', refuse: 'Ablehnen', callsYou: '{who} ruft dieses Telefon',
  notNow: 'Jetzt nicht möglich.', noCall: 'Sie haben kein Gespräch.', nobodyWaits: 'Niemand wartet.', notOffered: 'Ihnen wird nichts angeboten.', inACall: 'Sie sind im Gespräch.', nobodyParked: 'Niemand ist geparkt.',
  nobodyHeld: 'Kein anderes Gespräch ist in der Hand.', noPlace: 'Auf Platz {n} wartet niemand.', notHealthy: 'noch nicht: {what}.', releaseWaits: 'Übergabe, sobald sich beide hören und sehen',
  'block-audio': 'kein Ton von {who}', 'block-video': 'kein Bild von {who}', 'block-hold': '{who} hält das Gespräch', 'block-dialog': '{who} ist nicht verbunden',
  askForce: 'Trotzdem gehen? ({what})', askHangup: 'Das ganze Gespräch auflegen?', askLogout: 'Abmelden?', askLogoutCall: 'Abmelden? Das Gespräch geht am Telefon weiter, oder der Anrufer wartet wieder.',
  yes: 'Ja', no: 'Nein', close: 'Schließen',
  // Ablehnungen
  'e-already-taken': 'Jemand war schneller: {text}', 'e-no-such-request': 'Dieser Anruf wartet nicht mehr.', 'e-not-offered': 'Dieser Anruf wurde Ihnen nicht angeboten.',
  'e-wrong-phase': 'Jetzt nicht möglich.', 'e-no-such-number': 'Diese Nummer hat niemand.', 'e-refused': 'Nicht erlaubt: {text}', 'e-unreachable': 'Dort ist kein Telefon angemeldet.',
  'e-refused-by-level': 'Ihre Stufe erlaubt das nicht: {text}', 'e-unhealthy': 'Die beiden hören und sehen sich noch nicht. Trotzdem gehen mit {key}.',
  'e-phone-unregistered': 'Ihr Tischtelefon ist nicht angemeldet.', 'e-unknown-command': 'Die Vermittlung kennt diesen Befehl nicht.', 'e-bad-field': 'Die Vermittlung versteht das nicht: {text}',
  'e-interrupted': 'Die Vermittlung wurde inzwischen neu gestartet. Was Sie sehen, ist der Stand.', 'e-internal': 'Die Vermittlung konnte es nicht aufschreiben. Nichts wurde geändert: bitte noch einmal.',
  'e-no-answer': 'Die Vermittlung hat nicht geantwortet.', 'e-no-switchboard': 'Zurzeit keine Vermittlung.', 'e-not-accepted': 'Nicht angenommen: {text}',
  // Verzeichnis
  directory: 'Verzeichnis', search: 'Name oder Nummer suchen', searchConsult: 'Bei wem rückfragen?', searchTransfer: 'An wen weitergeben?', searchPark: 'Für wen parken?', nobodyFound: 'Niemand gefunden.', more: 'Es gibt mehr: bitte weitertippen.',
  favourites: 'Favoriten', noFavourites: 'Suchen Sie jemanden und markieren Sie den Stern.', addFavourite: '{who} zu den Favoriten', removeFavourite: '{who} aus den Favoriten nehmen',
  'st-free': 'frei', 'st-ringing': 'klingelt', 'st-talking': 'spricht', 'st-away': 'weg', 'st-': '',
  earlier: 'Frühere Anrufe', history: 'Ihre Gespräche', noEarlier: 'Keine früheren Anrufe.', notes: 'Notizen', noNotes: 'Keine Notizen zu {number}.', newNote: 'Neue Notiz zu {number}', addNote: 'Merken', removeNote: 'Diese Notiz entfernen',
  notKept: 'Das ließ sich nicht speichern: {why}', 
  'o-connected': 'verbunden', 'o-handed-over': 'übergeben', 'o-abandoned': 'aufgegeben', 'o-answered': 'angenommen', 'o-busy': 'besetzt', 'o-no-answer': 'keine Antwort', 'o-refused': 'abgelehnt', 'o-timeout': 'zu lange gewartet', 'o-overflow': 'weitergeleitet', 'o-failed': 'gescheitert',
  // Hände
  hands: 'In der Hand', parked: 'Geparkt', parkedBy: 'geparkt von {by}', wanted: 'für {number}', recalled: '{who} wartet seit {n} s in der Hand.',
  // Einstellungen
  language: 'Sprache', keys: 'Tasten', 'keys-letters': 'Buchstaben', 'keys-functions': 'Funktionstasten', 'keys-off': 'Keine', keysNote: 'Keine Taste wirkt, während Sie tippen.', devices: 'Geräte',
  keysOf: 'Tasten', place: 'den soundsovielten Wartenden', done: 'Fertig', find: 'Suchen', camera_key: 'Kamera aus oder ein', mute_key: 'Mikrofon aus oder ein', takeFirst: 'Den ersten Wartenden annehmen',
  // Abgelöst
  evicted: 'Ein anderer Platz von {operator} hat übernommen', evictedNote: 'Diese Seite bekommt keine Anrufe mehr. Von selbst holt sie sie nicht zurück.', workHere: 'Wieder hier arbeiten',
  // Meldungen
  offerOf: '{who} wartet', muted: 'Stumm', unmuted: 'Nicht mehr stumm', cameraOff: 'Kamera aus', cameraOn: 'Kamera ein', isNight: '{queue} ist geschlossen.', isDay: '{queue} ist geöffnet.', back: 'Wieder verbunden.',
  phoneGone: 'Ihr Telefon {state}.', live: 'Meldungen',
};
