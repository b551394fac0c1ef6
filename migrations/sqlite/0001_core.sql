-- Accounts, people, credentials, the journal and the permanent records of calls.
-- The twin of this file in ../postgres differs in types only.

create table account (
    id integer primary key autoincrement,
    name text not null unique,          -- the accid of DialedIn clients
    region text not null,                           -- where numbers without a country code belong
    search_url text,                                -- template of a record's page, {type} {id} {number}; null = our own page
    create_url text,                                -- template of the page that creates a contact, {number}
    created_at text not null
) strict;

create table journal_head (
    account_id integer primary key references account (id),
    epoch text not null,                            -- this incarnation of the journal
    seq integer not null,                            -- the last entry; updating this row is the account's turn
    floor integer not null,                          -- entries up to here have been trimmed
    turn blob not null,                             -- the name of the last turn: tells a writer that another one wrote between
    lead_id integer not null default 0              -- the last id that was given to a lead
) strict;

create table journal (
    account_id integer not null,
    seq integer not null,
    id blob not null,                               -- of the event; tells whether a commit of unknown outcome happened
    kind text not null,
    audience text,                                  -- null = all, else logins one per line
    body text not null,                             -- the envelope as it is pushed
    observed_at text not null,
    primary key (account_id, seq)
) strict;                                           -- with rowid: entries of a kilobyte are appended, four to a page

create table idempotency (
    account_id integer not null,
    key text not null,
    content blob not null,                         -- SHA-256 of the request
    answer text not null,
    created_at text not null,
    primary key (account_id, key)
) strict, without rowid;
create index idempotency_age on idempotency (created_at);

create table agent (
    id integer primary key autoincrement,
    account_id integer not null references account (id),
    login text not null,
    name text not null,
    number text,                                    -- canonical: E.164 or bare digits
    extension text,
    password text,                                  -- argon2id
    created_at text not null,
    unique (account_id, login)
) strict;

create table operator (
    id integer primary key autoincrement,
    account_id integer not null references account (id),
    login text not null,
    password text not null,                         -- argon2id
    created_at text not null,
    unique (account_id, login)
) strict;

create table token (
    id integer primary key autoincrement,
    account_id integer not null references account (id),
    hash blob not null unique,                     -- SHA-256 of the whole token
    prefix text not null,                           -- its first letters, to tell tokens apart in lists
    label text not null,
    kind text not null,                             -- token, session, code, ticket
    subject text,                                   -- operator:LOGIN or agent:LOGIN of a session, code or ticket
    scopes text not null,
    allow_query integer not null,                   -- may ride in a query string (DialedIn demands it)
    networks text,                                  -- CIDRs, comma separated; null = anywhere
    expires_at text,
    revoked_at text,
    created_at text not null
) strict;
create index token_account on token (account_id, kind);
create index token_expiry on token (expires_at) where expires_at is not null;

create table gateway (
    id integer primary key autoincrement,
    account_id integer not null references account (id),
    name text not null,
    key text not null unique,                       -- ?gw= of senders that know no secret
    secret_hash blob unique,                       -- X-VTIGER-SECRET; null = found by key or address only
    signature_hash blob,                           -- vtigersignature of PBXManager senders
    networks text,                                  -- CIDRs of senders that cannot sign
    popup text not null,                            -- all, agent
    zone text not null,                             -- IANA zone of its local times
    created_at text not null,
    unique (account_id, name)
) strict;

create table party (
    account_id integer not null references account (id),
    kind text not null,                 -- contact, account, lead, case, user …
    id text not null,                   -- the CRM's id
    name text not null,
    email text,
    url text,
    updated_at text not null,
    primary key (account_id, kind, id)
) strict, without rowid;
create table party_number (
    account_id integer not null,
    number text not null,
    kind text not null,
    id text not null,
    primary key (account_id, number, kind, id),
    foreign key (account_id, kind, id) references party (account_id, kind, id) on delete cascade
) strict, without rowid;
create index party_number_of on party_number (account_id, kind, id);

create table dialer_call (
    id blob not null,                               -- the dtCallId, time-ordered
    account_id integer not null,
    version integer not null,
    agent text,
    direction text,
    phone_number text,
    status text not null,                           -- open, retry, closed
    call_status text not null,                      -- ringing, in-progress, completed, busy, hangup, verbatim
    record text not null,                           -- attempts, edits and party: what the call law reads, as JSON
    created_at text not null,
    updated_at text not null,
    due_at text,                             -- when the present state must have ended
    finished_at text,
    primary key (account_id, id)
) strict;
-- What leads with the account is the key alone: a plan made while the table is young must not take another index for it.
create index dialer_call_number on dialer_call (phone_number, account_id, id);
create index dialer_call_agent on dialer_call (agent, account_id, id);

-- The calls that are not over. A partial index would say the same, but then the update that ends a call touches every index.
create table live_call (
    account_id integer not null,
    call_id blob not null,
    primary key (account_id, call_id)
) strict, without rowid;

create table line (                                 -- which call a PBX's call id means now
    pbx_key text primary key,                -- account id / gateway id / call id
    account_id integer not null,
    call_id blob not null,
    attempt integer not null
) strict, without rowid;

create table dialer_call_result (
    account_id integer not null,
    call_id blob not null,
    attempt integer not null,
    agent text,
    direction text,
    phone_number text,
    result text not null,
    disposition text not null,
    subject text,
    resulted_at text not null,
    primary key (account_id, call_id, attempt)
) strict, without rowid;
