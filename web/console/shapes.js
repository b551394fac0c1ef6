/**
 * The shapes of what the views read from the API, as types. Nothing of this file runs.
 */

/**
 * @typedef {object} Agent
 * @property {number | string} id
 * @property {string} login
 * @property {string | null} [name]
 * @property {string | null} [number]
 * @property {boolean} [signedIn]
 * @property {string | null} [state] presence: ready, not_ready, …
 * @property {string | null} [since]
 * @property {string | null} [reason]
 * @property {{ mode: string, reason?: string | null } | null} [next] what he is going to be after his call
 */

/** @typedef {{ account: string, login: string, password: string } | { code: string }} Credentials */
/** @typedef {{ token: string, account: string, login: string, expiresAt: string }} Session */

/** @typedef {{ answered: number, abandoned: number }} Tally */

/**
 * @typedef {object} Progress how a campaign gets on
 * @property {string} campaign
 * @property {"preview" | "progressive" | "predictive" | null} mode
 * @property {boolean} running
 * @property {{ total: number, hot: number, callback: number, fresh: number, retry: number, due: number, rest: number,
 *   dialedToday: number, cameOut: Record<string, number> }} leads
 * @property {Record<string, number>} agents by state
 * @property {{ preview: number, ringing: number, talking: number, wrapUp: number }} lines
 * @property {{ cap: number, target: number }} limits in ten-thousandths
 * @property {Tally} tally
 * @property {Tally} today
 * @property {number} room
 * @property {{ code: string, message: string }} why
 */

/** @typedef {{ rule: string, value: string, message: string, nextAllowed: string | null }} Reason */

/**
 * @typedef {object} Explanation
 * @property {boolean} dial
 * @property {string | null} nextAllowed
 * @property {Reason[]} reasons
 * @property {Reason[]} overridden
 */

/** @typedef {{ kind: string, at: string, [key: string]: any }} Receipt */

/**
 * @typedef {object} Lead
 * @property {number} id
 * @property {string} campaign
 * @property {string} phone
 * @property {string | null} firstName
 * @property {string | null} lastName
 * @property {string | null} city
 * @property {string | null} callStatus
 * @property {string | null} clientId
 * @property {boolean} hot
 * @property {number} attemptsTotal
 * @property {string | null} lastAttemptAt
 * @property {{ at: string, agent?: string | null } | null} callback
 */

/** @typedef {{ rank: "hot" | "callback" | "fresh" | "retry", dialAt: string, lead: Lead, explanation?: Explanation }} QueueItem */

/**
 * @typedef {object} Health
 * @property {{ version: string, startedAt: string, waiting: number }} server
 * @property {{ kind: string, answeredUs: number }} store
 * @property {{ epoch: string, seq: number, lastAt: string | null, kept: number }} journal
 * @property {{ followers: number, softphones: number, delivered: number, slowestUs: number | null }} sockets
 * @property {SystemHealth[]} telephoneSystems
 * @property {GatewayHealth[]} gateways
 * @property {{ provider: string, messages: Record<string, number>, lastAt: string | null }[]} providers
 */

/**
 * @typedef {object} SystemHealth
 * @property {string} system
 * @property {"up" | "down"} state
 * @property {string | null} since
 * @property {string} message
 * @property {string | null} lastNewsAt
 * @property {number} news
 * @property {{ taken: number, refused: number, unclear: number,
 *   lastTrouble: { at: string, verb: string, message: string } | null }} orders
 */

/**
 * @typedef {object} GatewayHealth
 * @property {string | null} gateway
 * @property {string | null} lastNewsAt
 * @property {number} news
 * @property {number} unknown
 * @property {string | null} lastUnknownAt
 */

/**
 * @typedef {object} CallRecord
 * @property {string} id
 * @property {string | null} agent
 * @property {string | null} direction
 * @property {string | null} phoneNumber
 * @property {string} status
 * @property {string | null} state
 * @property {string | null} outcome
 * @property {string} createdAt
 * @property {string} updatedAt
 * @property {string | null} finishedAt
 * @property {{ callId: string }[]} attempts
 */

/** @typedef {{ eventName: string, enteredAt: string, duration: number | null, agent: string | null, attempt: number }} StateRow */

export {};
