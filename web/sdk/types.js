/**
 * The shapes of the softphone socket and of the client's events, as types. Nothing of this file runs: docs/protocol.md and
 * docs/sdk.md say what each means.
 *
 * @typedef {"preview" | "incoming" | "ringing" | "talk" | "hold" | "idle" | "end"} CallState
 * `idle` is wrap-up: the line is free, the agent still writes.
 */

/**
 * @typedef {object} CallObject the whole call as it is now
 * @property {CallState | null} state
 * @property {string | null} stateTime when this state was entered, `YYYY-MM-DDTHH:MM:SSZ`
 * @property {"phonecall"} type
 * @property {string | null} id the CRM's own id of this phone call
 * @property {"inbound" | "outbound" | "clicktocall" | "transfer" | "ccOutbound" | null} direction
 * @property {string | null} phone the other side's number
 * @property {string | null} outcome
 * @property {string | null} fromType
 * @property {string | null} fromId
 * @property {string | null} fromName
 * @property {string | null} toType
 * @property {string | null} toId
 * @property {string | null} toName
 * @property {string} dtCallId
 * @property {boolean} isCallback
 * @property {string | null} retryDatetime
 * @property {string | null} dnis
 * @property {string | null} queueDn
 * @property {string | null} agentId
 * @property {string | null} extension
 * @property {string} callId
 * @property {string} callStatus
 * @property {string | null} customData
 * @property {string | null} recordingUrl
 * @property {string | null} notes
 * @property {string[]} capabilities what the telephone system can do at all
 * @property {string[]} verbs what can be asked of this call now
 * @property {number | null} leadId
 * @property {string | null} campaign
 * @property {string | null} until when a preview or a wrap-up ends by itself
 */

/** @typedef {CallObject & { attempt: number, cv: number, agent: string | null }} Call a call object and what its envelope said of it */

/** @typedef {"offline" | "not_ready" | "ready" | "reserved" | "ringing" | "on_call" | "wrap_up"} AgentState */

/**
 * @typedef {object} Presence what is shown of an agent
 * @property {string} agent
 * @property {AgentState} state
 * @property {string} since
 * @property {string | null} reason
 * @property {{ mode: string, reason?: string, askedAt: string } | null} next what he is going to be after his call
 * @property {string | null} call
 * @property {number} version
 */

/**
 * @typedef {object} Agent whose softphone this is
 * @property {number} id
 * @property {string} login
 * @property {string} name
 * @property {string | null} number
 * @property {string | null} extension
 * @property {Presence | null} presence
 * @property {Lease | null} lease which tab of his softphone is enabled
 */

/**
 * @typedef {object} Lease which tab rings, pops and dials
 * @property {string} agent
 * @property {string | null} tab
 * @property {number} fence counts the changes of hands
 */

/**
 * @typedef {object} Envelope one entry of the account's journal
 * @property {1} v
 * @property {string} id
 * @property {string} account
 * @property {string} epoch
 * @property {number} seq
 * @property {string} type
 * @property {string | null} call
 * @property {number | null} attempt
 * @property {number | null} cv
 * @property {"all" | string[]} audience
 * @property {string | null} agent
 * @property {string} occurredAt
 * @property {string} observedAt
 * @property {string} source
 * @property {any} data
 */

/** @typedef {Envelope & { op: "ev", prev: number }} EventFrame */

/**
 * @typedef {object} WelcomeFrame
 * @property {"welcome"} op
 * @property {string} session
 * @property {string | null} agent
 * @property {string} epoch
 * @property {number} head
 * @property {number} ping
 * @property {"live" | "replay" | "reset"} resume
 */

/** @typedef {{ op: "snapshot", seq: number, agent: Agent | null, calls: Call[] }} SnapshotFrame */
/** @typedef {{ op: "res", id: string, ok?: true, d?: any, err?: { code: string, message: string, field?: string } }} ResFrame */
/** @typedef {{ op: "mark", seq: number, live: boolean } | { op: "ping", seq: number }} PositionFrame */
/** @typedef {WelcomeFrame | SnapshotFrame | EventFrame | ResFrame | PositionFrame} Frame */

/** @typedef {{ epoch: string, seq: number }} Position */

/**
 * @typedef {object} ConnectionStatus
 * @property {"connecting" | "connected" | "reconnecting" | "closed"} state
 * @property {string} [code] of `closed`: why, as a word for programs
 * @property {string} [reason] of `reconnecting` and `closed`: why, for a person to read
 * @property {number} [retryAt] of `reconnecting`: when the next try starts, by `Date.now()`
 */

/**
 * @typedef {object} CallChange
 * @property {Call} call as it is now
 * @property {Call | null} previous as it was shown before; null when it was not
 * @property {null | "ended" | "left"} gone why it is no longer among `calls`
 * @property {"call.state" | "call.updated" | "call.result"} type
 * @property {boolean} replay it happened while this client was away
 * @property {Envelope} envelope
 */

/** @typedef {{ presence: Presence, own: boolean, envelope: Envelope }} AgentChange */
/** @typedef {{ lease: Lease, enabled: boolean, envelope: Envelope }} LeaseChange */
/** @typedef {{ message: any, type: string, replay: boolean, envelope: Envelope }} MessageChange */
/** @typedef {{ call: string | null, verb: string, code: string, message: string, envelope: Envelope }} FailedOrder */
/** @typedef {{ calls: Call[], agent: Agent | null }} Snapshot */

/**
 * @typedef {object} CtiEvents what can be listened to, and what a listener is given
 * @property {ConnectionStatus} connection
 * @property {Snapshot & { seq: number }} snapshot everything was replaced; what happened before is not told
 * @property {CallChange} call
 * @property {AgentChange} agent
 * @property {LeaseChange} lease another tab, or none, is enabled
 * @property {MessageChange} message
 * @property {FailedOrder} orderFailed the telephone system refused what was granted
 * @property {Envelope} event each entry, as it came, after the events above
 * @property {Snapshot} change calls or agent show something else
 */

/**
 * @typedef {object} CtiOptions
 * @property {string} [server] origin of the gateway; where this module came from, if not given
 * @property {(signal: AbortSignal) => string | Response | Promise<string | Response>} [ticket] brings a ticket, or the answer that
 *   holds one
 * @property {string | (() => string | Promise<string>)} [session] the bearer that tickets are made with, where there is no `ticket`
 * @property {string} [tab] the name of this tab, a UUID: it can be enabled then, and other tabs of the agent keep quiet
 * @property {string} [client] name and version of the page, for the server's log
 * @property {"*" | string[]} [agents] whom to follow, where an operator or a program connects
 * @property {string[]} [types] types of events to get beside the usual ones
 * @property {Storage | null} [storage] where position and calls outlive a reload; `sessionStorage` if not given
 */

/** @typedef {{ id?: string, timeoutMs?: number }} CommandOptions */

/**
 * @typedef {object} DialOptions
 * @property {string} [callerId]
 * @property {string} [phoneCallId] the CRM's own id of this phone call
 * @property {string} [customData]
 * @property {string} [to]
 * @property {string} [subject]
 * @property {boolean} [click] a click in a page, not a keypad
 * @property {string} [dncReason] why a number on the do-not-call list is called all the same
 */

export {};
