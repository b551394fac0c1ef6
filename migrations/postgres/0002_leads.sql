-- What an account has set up, leads, the do-not-call list, dial lists and messages.
-- The twin of this file in ../sqlite differs in types only.

create table setup (
    account_id bigint not null references account (id),
    kind text collate "C" not null,                 -- campaign, disposition, field, number, ring_group, skill, playlist, filter, provider, options
    key text collate "C" not null,                  -- the name in lower case: names are the same in any case
    name text not null,
    body text not null,                             -- JSON of its kind
    version bigint not null,
    updated_at timestamptz not null,
    primary key (account_id, kind, key)
);

create table lead (
    account_id bigint not null,
    id bigint not null,                             -- counts within the account
    version bigint not null,
    campaign text collate "C" not null,
    subcampaign text collate "C",
    client_id text collate "C",                     -- the client's own
    first_name text collate "C",
    last_name text collate "C",
    address text collate "C",
    city text collate "C",
    state text collate "C",
    zip text collate "C",
    phone text collate "C" not null,                -- canonical
    phone_raw text collate "C" not null,            -- as it was sent
    email text collate "C",
    rep text collate "C",
    call_status text collate "C",                   -- names a disposition
    notes text collate "C",
    custom text collate "C",                        -- JSON of texts by name; null = none
    source text collate "C" not null,               -- dialedin, api, import
    hot boolean not null,
    hot_at timestamptz,
    expires_at timestamptz,
    import_only boolean not null,
    dial_non_callables boolean not null,            -- a granted override
    check_window boolean not null,
    callback_agent text collate "C",
    callback_at timestamptz,
    callback_notes text collate "C",
    attempts bigint not null,                       -- on the day of the last one
    attempts_total bigint not null,
    last_attempt_at timestamptz,
    outcomes text collate "C",                      -- JSON of counts by disposition; null = none
    retry_at timestamptz,                           -- not dialed before then
    created_at timestamptz not null,
    updated_at timestamptz not null,
    dial_rank bigint,                               -- 0 hot, 1 callback, 2 fresh, 3 retry; null = nobody dials it by itself
    dial_at timestamptz,                            -- not before then, and when the lane is open
    dial_lane text collate "C",                     -- names the window that it shares with others
    primary key (account_id, id)
);
-- As with calls: what leads with the account is the key alone.
create index lead_phone on lead (phone, account_id, id);
create index lead_campaign on lead (campaign, account_id, id);
create index lead_client on lead (client_id, account_id, id) where client_id is not null;
create index lead_dial on lead (campaign, account_id, dial_rank, dial_lane, dial_at, id) where dial_rank is not null;
create index lead_promised on lead (callback_agent, account_id, dial_at, id) where callback_agent is not null;

-- Campaigns whose leads get their places anew, because what the account has set up is not what it was.
create table requeue (
    account_id bigint not null references account (id),
    campaign text collate "C" not null,
    after_id bigint not null,                       -- leads up to this one have them
    due_at timestamptz not null,                    -- when every server has heard of the change
    taken_until timestamptz,                        -- somebody is at it
    primary key (account_id, campaign)
);

-- Custom values once more, for filters to look at.
create table lead_field (
    account_id bigint not null,
    lead_id bigint not null,
    name text collate "C" not null,
    value text collate "C" not null,
    primary key (account_id, lead_id, name)
);

create table dnc (
    account_id bigint not null,
    channel text collate "C" not null,              -- voice, message
    number text collate "C" not null,               -- canonical
    source text not null,                           -- who put it there: dialedin, api, stop
    created_at timestamptz not null,
    primary key (account_id, channel, number)
);

create table dial_list (
    id bigint generated always as identity primary key,
    account_id bigint not null references account (id),
    agent text collate "C" not null,
    name text collate "C" not null,
    created_at timestamptz not null,
    unique (account_id, agent, name)
);
create table dial_list_phone (
    list_id bigint not null references dial_list (id) on delete cascade,
    position bigint not null,
    phone text collate "C" not null,                -- canonical
    dialed boolean not null,
    primary key (list_id, phone)
);

create table message (
    account_id bigint not null,
    id uuid not null,                               -- time-ordered
    version bigint not null,
    direction text not null,                        -- in, out
    status text not null,                           -- received, queued, sending, unclear, sent, failed, undelivered, delivered
    from_number text collate "C" not null,
    to_number text collate "C" not null,
    agent text collate "C",
    lead_id bigint,
    provider text not null,
    provider_id text collate "C",
    record text not null,                           -- the message as the law reads it, as JSON
    errand text not null,                           -- what is left to do with it, as JSON
    due_at timestamptz,                             -- when somebody must look at it next
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id, id)
);
create index message_provider on message (provider_id, account_id) where provider_id is not null;
create index message_lead on message (lead_id, account_id, id) where lead_id is not null;
create index message_from on message (from_number, account_id, id);
create index message_to on message (to_number, account_id, id);
create index message_due on message (due_at, account_id, id) where due_at is not null;
