export default {
  // 登录
  title: '总机', operator: '话务员', password: '密码', logIn: '登录', loggingIn: '正在登录…',
  'wrong-secret': '用户名或密码错误。',
  'too-many': '尝试次数过多，请在 {s} 秒后重试。',
  'login-busy': '总机繁忙，请稍后再试。',
  'login-unreachable': '无法连接总机。',
  'login-failed': '未能完成：{why}',
  sessionOver: '会话已结束，请重新登录。',
  // 开始之前
  hello: '{operator}，您好', yourPhone: '您的电话', thisBrowser: '此浏览器',
  thisBrowserNote: '使用本机的麦克风和摄像头', deskPhone: '桌面电话',
  deskPhoneNote: '用单独的话机通话，此页面只做控制', number: '号码',
  microphone: '麦克风', camera: '摄像头', speaker: '通话声音输出到', ringer: '铃声输出到', byDefault: '系统默认',
  noCameraWanted: '不用摄像头', cleaned: '消除麦克风的回声和噪声', level: '麦克风音量',
  testRing: '试听铃声', startWork: '开始工作', starting: '正在开始…',
  startNote: '这会允许页面响铃，并询问是否可以显示通知。',
  notAllowed: '浏览器不允许此页面使用麦克风和摄像头。请在地址栏允许后重试。',
  noMicrophone: '未找到麦克风。请接好后重试。',
  noCamera: '未找到摄像头：对方能听到您，但看不到您。',
  insecurePage: '浏览器只允许 https 页面使用麦克风和摄像头。', tryAgain: '重试',
  'hello-refused': '总机不允许您使用这部电话：{why}',
  // 页眉
  free: '空闲', busy: '通话中', dnd: '请勿打扰', ready: '就绪', state: '您的状态', noSwitchboard: '未连接总机',
  reconnecting: '连接已断开，正在重新连接…', 
  'phone-unregistered': '未注册', 'phone-unreachable': '无应答', 'phone-refusing': '拒绝来电', 'phone-ok': '就绪',
  waitingCount: { one: '{n} 位等待', other: '{n} 位等待' }, longest: '最长 {time}', nobodyWaiting: '无人等待',
  night: '已关闭：{queues}', settings: '设置', help: '按键', logOut: '退出', soundLocked: '请按任意键或点击：在此之前浏览器会让页面保持静音。',
  // 等待
  waiting: '等待中', take: '接听', decline: '留给其他人', declineOf: '把 {who} 留给其他人',
  priority: '紧急', 
  // 通话
  nobodyAtEar: '没有通话', nothingWaits: '分配给您的来电会显示在左侧。',
  withYou: '已与您通话', recording: '正在录音', comesBack: '每次通话后转回', anonymous: '匿名', guest: '访客',
  trunk: '外线', 
  'phase-ringing-you': '您的电话在响：拿起即可与 {caller} 通话', 'phase-ringing-browser': '正在为您接通 {caller}', 'phase-with-caller': '您正在与 {caller} 通话',
  'phase-consulting': '{callee} {progress}；{caller} 在等待', 'phase-talking-to-callee': '您正在与 {callee} 通话；{caller} 在等待',
  'phase-alternated': '您正在与 {caller} 通话；{callee} 在等待', 'phase-connected': '{caller} 与 {callee} 正在通话',
  'phase-releasing': '{caller} 与 {callee} 正在通话；您正在退出', 'phase-in-hand': '{caller} 在手中等待', 'phase-handing-over': '{caller}：{callee} {progress}',
  'progress-trying': '正在呼叫', 'progress-ringing': '正在响铃', 'progress-answered': '已接听', 'progress-busy': '占线', 'progress-no-answer': '无人接听',
  'progress-refused': '拒绝接听', 'progress-unreachable': '无法接通', 'progress-hung-up': '已挂断',
  'ended-handed-over': '已移交：双方继续通话，您已退出。', 'ended-caller-hung-up': '{caller} 已挂断。',
  'ended-callee-hung-up': '被叫方已挂断。', 'ended-phone-gone': '您的电话已断开；{caller} 重新等待。',
  'ended-logged-out': '您已退出；{caller} 重新等待。', 'ended-operator-hung-up': '您已挂断。', ended: '通话已结束：{why}',
  // 谁能听到和看到我
  nobodySenses: '没有人能听到或看到您', hearsAndSees: { one: '{who} 能听到并看到您', other: '{who} 能听到并看到您' },
  hears: { one: '{who} 能听到您，但看不到您', other: '{who} 能听到您，但看不到您' },
  hearsOnly: { one: '{who} 能听到您', other: '{who} 能听到您' },
  sees: { one: '{who} 能看到您，但听不到您', other: '{who} 能看到您，但听不到您' },
  micMuted: '您的麦克风已静音', micSilent: '您的麦克风没有声音', cameraIsOff: '您的摄像头已关闭',
  you: '您', noPicture: '没有画面', pictureOf: '{who}：画面', ownPicture: '您自己的画面',
  
  // 质量
  health: '声音和画面', sound: '声音', video: '画面', loss: '丢包', 'q-ok': '良好', 'q-poor': '较差', 'q-none': '没有', 'q-absent': '未协商', 'q-': '未知',
  converted: '已转换', away: '延迟 {n} 毫秒', fps: '{n} 帧/秒', caller: '主叫', callee: '被叫', 
  // 命令
  consult: '咨询', alternate: '切换', connect: '接通双方', release: '移交', cancel: '断开被叫', 'cancel-ringing-you': '退回', hangup: '全部挂断', transfer: '转给', park: '停放', parkFor: '为某人停放',
  swap: '换一个', serial: '转回', record: '录音', pick: '取回', force: '仍然退出', mute: '静音', unmute: '取消静音', camera_off: '关闭摄像头', camera_on: '打开摄像头', keypad: '拨号键盘',
  onItsWay: '处理中', sent: '{what}…', answer: '接听', refuse: '拒绝', callsYou: '{who} 正在呼叫此电话',
  notNow: '现在不能这样做。', noCall: '您没有通话。', nobodyWaits: '无人等待。', notOffered: '没有分配给您的来电。', inACall: '您正在通话。', nobodyParked: '没有停放的来电。',
  nobodyHeld: '手中没有其他通话。', noPlace: '第 {n} 位无人等待。', notHealthy: '还不行：{what}。', releaseWaits: '双方都能听到和看到后移交',
  'block-audio': '没有 {who} 的声音', 'block-video': '没有 {who} 的画面', 'block-hold': '{who} 保持了通话', 'block-dialog': '{who} 未连接',
  askForce: '仍然退出吗？（{what}）', askHangup: '挂断整个通话吗？', askLogout: '退出登录吗？', askLogoutCall: '退出登录吗？通话将在电话上继续，或主叫重新等待。',
  yes: '是', no: '否', close: '关闭',
  // 拒绝
  'e-already-taken': '已被他人接听：{text}', 'e-no-such-request': '此来电已不在等待。', 'e-not-offered': '此来电没有分配给您。',
  'e-wrong-phase': '现在不能这样做。', 'e-no-such-number': '没有这个号码。', 'e-refused': '不允许：{text}', 'e-unreachable': '该号码没有注册的电话。',
  'e-refused-by-level': '您的级别不允许：{text}', 'e-unhealthy': '双方还不能互相听到和看到。按 {key} 仍然退出。',
  'e-phone-unregistered': '您的桌面电话未注册。', 'e-unknown-command': '总机不认识这个命令。', 'e-bad-field': '总机不理解：{text}',
  'e-interrupted': '总机在此期间重新启动。您所看到的就是当前状态。', 'e-internal': '总机未能记录，没有任何改变：请重试。',
  'e-no-answer': '总机没有应答。', 'e-no-switchboard': '目前没有连接总机。', 'e-not-accepted': '未被接受：{text}',
  // 通讯录
  directory: '通讯录', search: '查找姓名或号码', searchConsult: '咨询谁？', searchTransfer: '转给谁？', searchPark: '为谁停放？', nobodyFound: '没有找到。', more: '还有更多：请继续输入。',
  favourites: '常用', noFavourites: '查找联系人，然后标记星号。', addFavourite: '把 {who} 加入常用', removeFavourite: '把 {who} 移出常用',
  'st-free': '空闲', 'st-ringing': '响铃', 'st-talking': '通话中', 'st-away': '离开', 'st-': '',
  earlier: '以往来电', history: '您的通话', noEarlier: '没有以往来电。', notes: '备注', noNotes: '{number} 没有备注。', newNote: '为 {number} 添加备注', addNote: '保存', removeNote: '删除此备注',
  notKept: '未能保存：{why}', 
  'o-connected': '已接通', 'o-handed-over': '已移交', 'o-abandoned': '已放弃', 'o-answered': '已接听', 'o-busy': '占线', 'o-no-answer': '无应答', 'o-refused': '被拒绝', 'o-timeout': '等待过久', 'o-overflow': '已转出', 'o-failed': '失败',
  // 在手
  hands: '在手', parked: '停放', parkedBy: '由 {by} 停放', wanted: '找 {number}', recalled: '{who} 已在手中等待 {n} 秒。',
  // 设置
  language: '语言', keys: '按键', 'keys-letters': '字母键', 'keys-functions': '功能键', 'keys-off': '不使用', keysNote: '输入文字时按键不起作用。', devices: '设备',
  keysOf: '按键', place: '接听第几位', done: '完成', find: '查找', camera_key: '打开或关闭摄像头', mute_key: '打开或关闭麦克风', takeFirst: '接听第一位',
  // 被替代
  evicted: '{operator} 的另一个席位已接管', evictedNote: '此页面不再接到来电，也不会自行收回。', workHere: '在此继续工作',
  // 消息
  offerOf: '{who} 在等待', muted: '已静音', unmuted: '已取消静音', cameraOff: '摄像头已关闭', cameraOn: '摄像头已打开', isNight: '{queue} 已关闭。', isDay: '{queue} 已开放。', back: '已重新连接。',
  phoneGone: '您的电话{state}。', live: '消息',
};
