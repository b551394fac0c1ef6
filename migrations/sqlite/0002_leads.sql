-- What an account has set up, leads, the do-not-call list, dial lists and messages.
-- The twin of this file in ../postgres differs in types only.

create table setup (
    account_id integer not null references account (id),
    kind text not null,                             -- campaign, disposition, field, number, ring_group, skill, playlist, filter, provider, options
    key text not null,                              -- the name in lower case: names are the same in any case
    name text not null,
    body text not null,                             -- JSON of its kind
    version integer not null,
    updated_at text not null,
    primary key (account_id, kind, key)
) strict, without rowid;

create table lead (
    account_id integer not null,
    id integer not null,                            -- counts within the account
    version integer not null,
    campaign text not null,
    subcampaign text,
    client_id text,                                 -- the client's own
    first_name text,
    last_name text,
    address text,
    city text,
    state text,
    zip text,
    phone text not null,                            -- canonical
    phone_raw text not null,                        -- as it was sent
    email text,
    rep text,
    call_status text,                               -- names a disposition
    notes text,
    custom text,                                    -- JSON of texts by name; null = none
    source text not null,                           -- dialedin, api, import
    hot integer not null,
    hot_at text,
    expires_at text,
    import_only integer not null,
    dial_non_callables integer not null,            -- a granted override
    check_window integer not null,
    callback_agent text,
    callback_at text,
    callback_notes text,
    attempts integer not null,                      -- on the day of the last one
    attempts_total integer not null,
    last_attempt_at text,
    outcomes text,                                  -- JSON of counts by disposition; null = none
    retry_at text,                                  -- not dialed before then
    created_at text not null,
    updated_at text not null,
    dial_rank integer,                              -- 0 hot, 1 callback, 2 fresh, 3 retry; null = nobody dials it by itself
    dial_at text,                                   -- not before then, and when the lane is open
    dial_lane text,                                 -- names the window that it shares with others
    primary key (account_id, id)
) strict;
-- As with calls: what leads with the account is the key alone.
create index lead_phone on lead (phone, account_id, id);
create index lead_campaign on lead (campaign, account_id, id);
create index lead_client on lead (client_id, account_id, id) where client_id is not null;
create index lead_dial on lead (campaign, account_id, dial_rank, dial_lane, dial_at, id) where dial_rank is not null;
create index lead_promised on lead (callback_agent, account_id, dial_at, id) where callback_agent is not null;

-- Campaigns whose leads get their places anew, because what the account has set up is not what it was.
create table requeue (
    account_id integer not null references account (id),
    campaign text not null,
    after_id integer not null,                      -- leads up to this one have them
    due_at text not null,                           -- when every server has heard of the change
    taken_until text,                               -- somebody is at it
    primary key (account_id, campaign)
) strict, without rowid;

-- Custom values once more, for filters to look at.
create table lead_field (
    account_id integer not null,
    lead_id integer not null,
    name text not null,
    value text not null,
    primary key (account_id, lead_id, name)
) strict, without rowid;

create table dnc (
    account_id integer not null,
    channel text not null,                          -- voice, message
    number text not null,                           -- canonical
    source text not null,                           -- who put it there: dialedin, api, stop
    created_at text not null,
    primary key (account_id, channel, number)
) strict, without rowid;

create table dial_list (
    id integer primary key,
    account_id integer not null references account (id),
    agent text not null,
    name text not null,
    created_at text not null,
    unique (account_id, agent, name)
) strict;
create table dial_list_phone (
    list_id integer not null references dial_list (id) on delete cascade,
    position integer not null,
    phone text not null,                            -- canonical
    dialed integer not null,
    primary key (list_id, phone)
) strict, without rowid;

create table message (
    account_id integer not null,
    id blob not null,                               -- time-ordered
    version integer not null,
    direction text not null,                        -- in, out
    status text not null,                           -- received, queued, sending, unclear, sent, failed, undelivered, delivered
    from_number text not null,
    to_number text not null,
    agent text,
    lead_id integer,
    provider text not null,
    provider_id text,
    record text not null,                           -- the message as the law reads it, as JSON
    errand text not null,                           -- what is left to do with it, as JSON
    due_at text,                                -- when somebody must look at it next
    created_at text not null,
    updated_at text not null,
    primary key (account_id, id)
) strict;
create index message_provider on message (provider_id, account_id) where provider_id is not null;
create index message_lead on message (lead_id, account_id, id) where lead_id is not null;
create index message_from on message (from_number, account_id, id);
create index message_to on message (to_number, account_id, id);
create index message_due on message (due_at, account_id, id) where due_at is not null;
