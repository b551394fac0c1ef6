-- Accounts, people, credentials, the journal and the permanent records of calls.
-- The twin of this file in ../sqlite differs in types only.

create table account (
    id bigint generated always as identity primary key,
    name text collate "C" not null unique,          -- the accid of DialedIn clients
    region text not null,                           -- where numbers without a country code belong
    search_url text,                                -- template of a record's page, {type} {id} {number}; null = our own page
    create_url text,                                -- template of the page that creates a contact, {number}
    created_at timestamptz not null
);

create table journal_head (
    account_id bigint primary key references account (id),
    epoch text not null,                            -- this incarnation of the journal
    seq bigint not null,                            -- the last entry; updating this row is the account's turn
    floor bigint not null,                          -- entries up to here have been trimmed
    turn uuid not null,                             -- the name of the last turn: tells a writer that another one wrote between
    lead_id bigint not null default 0               -- the last id that was given to a lead
) with (fillfactor = 10);                           -- updated by every commit: room for heap-only updates

create table journal (
    account_id bigint not null,
    seq bigint not null,
    id uuid not null,                               -- of the event; tells whether a commit of unknown outcome happened
    kind text not null,
    audience text,                                  -- null = all, else logins one per line
    body text not null,                             -- the envelope as it is pushed
    observed_at timestamptz not null,
    primary key (account_id, seq)
);

create table idempotency (
    account_id bigint not null,
    key text collate "C" not null,
    content bytea not null,                         -- SHA-256 of the request
    answer text not null,
    created_at timestamptz not null,
    primary key (account_id, key)
);
create index idempotency_age on idempotency (created_at);

create table agent (
    id bigint generated always as identity primary key,
    account_id bigint not null references account (id),
    login text collate "C" not null,
    name text not null,
    number text,                                    -- canonical: E.164 or bare digits
    extension text,
    password text,                                  -- argon2id
    created_at timestamptz not null,
    unique (account_id, login)
);

create table operator (
    id bigint generated always as identity primary key,
    account_id bigint not null references account (id),
    login text collate "C" not null,
    password text not null,                         -- argon2id
    created_at timestamptz not null,
    unique (account_id, login)
);

create table token (
    id bigint generated always as identity primary key,
    account_id bigint not null references account (id),
    hash bytea not null unique,                     -- SHA-256 of the whole token
    prefix text not null,                           -- its first letters, to tell tokens apart in lists
    label text not null,
    kind text not null,                             -- token, session, code, ticket
    subject text,                                   -- operator:LOGIN or agent:LOGIN of a session, code or ticket
    scopes text not null,
    allow_query boolean not null,                   -- may ride in a query string (DialedIn demands it)
    networks text,                                  -- CIDRs, comma separated; null = anywhere
    expires_at timestamptz,
    revoked_at timestamptz,
    created_at timestamptz not null
);
create index token_account on token (account_id, kind);
create index token_expiry on token (expires_at) where expires_at is not null;

create table gateway (
    id bigint generated always as identity primary key,
    account_id bigint not null references account (id),
    name text collate "C" not null,
    key text not null unique,                       -- ?gw= of senders that know no secret
    secret_hash bytea unique,                       -- X-VTIGER-SECRET; null = found by key or address only
    signature_hash bytea,                           -- vtigersignature of PBXManager senders
    networks text,                                  -- CIDRs of senders that cannot sign
    popup text not null,                            -- all, agent
    zone text not null,                             -- IANA zone of its local times
    created_at timestamptz not null,
    unique (account_id, name)
);

create table party (
    account_id bigint not null references account (id),
    kind text collate "C" not null,                 -- contact, account, lead, case, user …
    id text collate "C" not null,                   -- the CRM's id
    name text not null,
    email text,
    url text,
    updated_at timestamptz not null,
    primary key (account_id, kind, id)
);
create table party_number (
    account_id bigint not null,
    number text collate "C" not null,
    kind text collate "C" not null,
    id text collate "C" not null,
    primary key (account_id, number, kind, id),
    foreign key (account_id, kind, id) references party (account_id, kind, id) on delete cascade
);
create index party_number_of on party_number (account_id, kind, id);

create table dialer_call (
    id uuid not null,                               -- the dtCallId, time-ordered
    account_id bigint not null,
    version bigint not null,
    agent text collate "C",
    direction text,
    phone_number text collate "C",
    status text not null,                           -- open, retry, closed
    call_status text not null,                      -- ringing, in-progress, completed, busy, hangup, verbatim
    record text not null,                           -- attempts, edits and party: what the call law reads, as JSON
    created_at timestamptz not null,
    updated_at timestamptz not null,
    due_at timestamptz,                             -- when the present state must have ended
    finished_at timestamptz,
    primary key (account_id, id)
) with (fillfactor = 50);                           -- written four or five times within minutes
-- What leads with the account is the key alone: a plan made while the table is young must not take another index for it.
create index dialer_call_number on dialer_call (phone_number, account_id, id);
create index dialer_call_agent on dialer_call (agent, account_id, id);

-- The calls that are not over. A partial index would say the same, but then the update that ends a call touches every index.
create table live_call (
    account_id bigint not null,
    call_id uuid not null,
    primary key (account_id, call_id)
);

create table line (                                 -- which call a PBX's call id means now
    pbx_key text collate "C" primary key,                -- account id / gateway id / call id
    account_id bigint not null,
    call_id uuid not null,
    attempt bigint not null
);

create table dialer_call_result (
    account_id bigint not null,
    call_id uuid not null,
    attempt bigint not null,
    agent text collate "C",
    direction text,
    phone_number text collate "C",
    result text not null,
    disposition text not null,
    subject text,
    resulted_at timestamptz not null,
    primary key (account_id, call_id, attempt)
);
