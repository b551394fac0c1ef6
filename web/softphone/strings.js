/**
 * Every word that an agent reads, in one place: translate this file. `{name}` stands for a value.
 */

const STRINGS = {
  title: "Softphone",
  dismiss: "Dismiss",
  // Signing in
  signIn: "Log in",
  signInTitle: "Log in to the softphone",
  signInFirst: "Log in to make and receive calls.",
  signInAccount: "Account {account}",
  login: "Login",
  password: "Password",
  signOut: "Sign out",
  signedOut: "You are signed out.",
  sessionEnded: "Your session has ended. Log in again.",
  popupBlocked: "The log-in window did not open. Allow pop-ups for this page and try again.",
  popupOpen: "Log in in the window that has opened.",
  popupDone: "You are logged in. You can close this window.",
  popupOrphan: "The page that opened this window does not hear it. Close this window and try again from there.",
  bothNeeded: "Login and password are both needed.",
  embedFailed: "The page could not log you in: {message}",
  notThere: "The server does not answer. Try again in a moment.",
  // The connection
  connecting: "Connecting…",
  lost: "No connection ({reason}). Calls are shown as they were.",
  closed: "Not connected: {reason}.",
  notAllowedHere: "This page ({origin}) is not among the origins of the softphone: it can show it, but not speak with it.",
  // Tabs
  tabElsewhere: "The softphone is active in another tab.",
  useThisTab: "Use this tab",
  // Views
  views: "Views",
  phoneView: "Phone",
  historyView: "Calls",
  listsView: "Lists",
  messagesView: "Messages",
  // Presence
  ready: "Ready",
  notReadyFor: "Not ready, because",
  notReady: "Not ready…",
  notReadyPlain: "No reason",
  offline: "Signed off",
  not_ready: "Not ready",
  state_ready: "Ready",
  reserved: "Reserved",
  ringing: "Ringing",
  on_call: "On a call",
  wrap_up: "Wrap-up",
  thenNotReady: "{state}, then not ready",
  withReason: "{state}: {reason}",
  softphone_lost: "connection was lost",
  missed_call: "missed a call",
  missed_preview: "missed a preview",
  // Calls
  calls: "Calls now",
  announce: "Incoming call: {who} {number}",
  call_preview: "To call",
  call_incoming: "Incoming",
  call_ringing: "Calling",
  call_talk: "Talking",
  call_hold: "On hold",
  call_idle: "Wrap-up",
  call_end: "Not saved",
  call_none: "Starting",
  unknownParty: "Unknown number",
  noNumber: "No number",
  campaign: "Campaign {campaign}",
  toQueue: "To {number}",
  callVerbs: "What to do with this call",
  answer: "Answer",
  hangup: "Hang up",
  decline: "Decline",
  hold: "Hold",
  resume: "Take back",
  mute: "Mute",
  unmute: "Unmute",
  tones: "Keys",
  transfer: "Transfer",
  transferTo: "To number",
  blind_transfer: "Transfer now",
  consult_transfer: "Ask first",
  invite: "Add to the call",
  complete_transfer: "Connect with {who}",
  conference: "Join with {who}",
  accept_preview: "Call",
  skip_preview: "Skip",
  orderFailed: "{verb} did not work: {message}",
  refused: "{what}: {message}",
  notConnected: "{who} was not reached: {why}.",
  end_busy: "busy",
  end_rejected: "declined",
  end_hangup: "nobody answered",
  end_failed: "the call could not be made",
  end_lost: "the telephone system lost the call",
  end_presumed_lost: "the telephone system says nothing of the call any more",
  end_not_reached: "the telephone system cannot be reached",
  end_no_extension: "you have no extension",
  end_agent_busy: "your own telephone is busy",
  end_agent_no_answer: "your own telephone was not picked up",
  end_agent_not_reached: "your own telephone cannot be reached",
  // What of a lead is shown
  fact_email: "E-mail",
  fact_company: "Company",
  fact_address: "Address",
  fact_city: "City",
  fact_state: "State",
  fact_zip: "ZIP",
  fact_notes: "Notes",
  // Wrap-up
  wrap: "How it came out",
  outcome: "Outcome",
  chooseOutcome: "Choose…",
  notes: "Notes",
  callAgainAt: "Call again at",
  onlyMe: "Only by me",
  save: "Save",
  saveAndEnd: "Save and finish",
  saved: "Saved.",
  endWrap: "Finish",
  putAway: "Do not save",
  stillUnsaved: "What you wrote of this call is not saved yet.",
  needsOutcome: "Choose an outcome first.",
  earlier: "Earlier calls",
  // The dial pad
  number: "Number",
  keys: "Keys",
  dial: "Call",
  noDial: "The telephone system takes no calls from here.",
  badNumber: "“{number}” is not a telephone number. Write it like +493012345678.",
  dncAsk: "This number is on the do-not-call list.",
  dncReason: "Why call it all the same?",
  dncDial: "Call all the same",
  cancel: "Cancel",
  // What a page asks for
  pageTrouble: "The number was clicked, and the page says: {message}",
  pageNumber: "The page asked to call “{number}”: expected a number in E.164 form, such as +15555550100.",
  pageIdentity: "The page asked to call for {type} {id}, which this softphone does not know.",
  pageIdentityHalf: "The page asked to call for {type}, and did not say which: identity_id is missing.",
  pageData: "The page sent custom_data that is no text of at most 2000 characters.",
  pageCaller: "The page asked to show “{number}”: expected a number in E.164 form.",
  pageFlag: "The page sent enable_current_tab that is neither true nor false.",
  // Sound
  sound: "Sound",
  soundOff: "Calls reach your telephone. This browser can be it.",
  soundTurnOn: "Use this browser as telephone",
  soundTurnOff: "Turn off",
  soundConnecting: "Sound is being switched on…",
  soundReady: "Sound is on.",
  soundElsewhere: "Sound is in the active tab.",
  soundRinging: "Your line rings.",
  soundTalking: "You are heard.",
  soundMuted: "Muted: you are not heard.",
  soundSilent: "No sound arrives from the other side. Is the network all right?",
  soundMute: "Mute",
  soundNotBuilt: "Sound is not part of this server's build. Calls reach your telephone.",
  lineUnknown: "The server names no line for you: ask whoever administers it. Calls reach your telephone.",
  lineLost: "No sound: the telephone system cannot be reached. Trying again…",
  lineRefused: "No sound: the telephone system refuses this line. Trying again…",
  lineRings: "{who} is calling your line",
  lineWith: "On your line: {who}",
  lineAnswer: "Pick up",
  soundSettings: "Microphone and test",
  microphone: "Microphone",
  micPreferred: "As the browser prefers",
  micNumber: "Microphone {number}",
  micDenied: "The browser does not allow the microphone. Allow it for this page and try again.",
  micMissing: "There is no microphone, or the chosen one is gone. Plug one in and try again.",
  micBusy: "The microphone cannot be opened: another program may be using it.",
  micInsecure: "A microphone needs a page that was loaded by https.",
  soundTest: "Test: speak for three seconds",
  soundTesting: "Speak now…",
  soundPlaying: "You were heard. You should hear yourself now.",
  soundTested: "You were heard. If you did not hear yourself, look at the loudspeaker.",
  soundNothing: "Nothing was heard. Choose another microphone, or look whether it is muted.",
  level: "How loud it is",
  // Lists
  today: "Today's calls",
  noCallsToday: "No calls yet today.",
  callBack: "Call {who}",
  callbacks: "Callbacks that you promised",
  noCallbacks: "None.",
  due: "due {time}",
  dialLists: "Dial lists",
  noDialLists: "You have no dial lists.",
  listProgress: "{dialed} of {numbers} dialed",
  nextNumber: "Next: {number}",
  listDone: "All numbers are dialed.",
  onDnc: "on the do-not-call list",
  markDialed: "Mark as dialed",
  callNumber: "Call",
  // Messages
  messages: "Text messages",
  noMessages: "No messages yet.",
  compose: "New message",
  from: "From",
  to: "To",
  text: "Text",
  send: "Send",
  reply: "Reply",
  sentTo: "To {number}",
  gotFrom: "From {number}",
  message_queued: "waiting",
  message_sent: "sent",
  message_delivered: "delivered",
  message_failed: "failed",
  message_received: "",
  loadFailed: "Could not be loaded: {message}",
};

/** @typedef {keyof typeof STRINGS} Word */

/**
 * A text by its name.
 *
 * @param {Word} word
 * @param {Record<string, string | number>} [values]
 */
export function say(word, values = {}) {
  return STRINGS[word].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/**
 * A text whose name is made of what the server says, or what it says where this file does not know it.
 *
 * @param {string} word
 * @param {string} [otherwise]
 */
export function sayKnown(word, otherwise = word) {
  return word in STRINGS ? say(/** @type {Word} */ (word)) : otherwise;
}

/** Writes the words into the page's own structure, and into what its templates will stamp. @param {ParentNode} root */
export function sayAll(root) {
  for (const { content } of root.querySelectorAll("template")) sayAll(content);
  for (const element of root.querySelectorAll("[data-say], [data-label], [data-hint]")) {
    if (!(element instanceof HTMLElement)) continue;
    const { say: text, label, hint } = element.dataset;
    if (text) element.textContent = say(/** @type {Word} */ (text));
    if (label) element.setAttribute("aria-label", say(/** @type {Word} */ (label)));
    if (hint) element.setAttribute("placeholder", say(/** @type {Word} */ (hint)));
  }
}
