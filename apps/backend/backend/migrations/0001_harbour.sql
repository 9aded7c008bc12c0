CREATE TABLE berths (
    code          text PRIMARY KEY,
    name          text NOT NULL,
    length_metres integer NOT NULL CHECK (length_metres > 0),
    depth_metres  numeric(4, 1) NOT NULL CHECK (depth_metres > 0)
);

CREATE TABLE vessels (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    kind text NOT NULL
);
-- A harbour master writes "Aurora" one day and "AURORA" the next.
CREATE UNIQUE INDEX vessels_name ON vessels (lower(name));

CREATE TABLE arrivals (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id   uuid NOT NULL UNIQUE,
    vessel_id    bigint NOT NULL REFERENCES vessels,
    berth        text NOT NULL REFERENCES berths,
    cargo_tonnes integer NOT NULL CHECK (cargo_tonnes >= 0),
    note         text NOT NULL,
    arrived_at   timestamptz NOT NULL
);

-- Arrivals whose event still has to reach the stream; written in the arrival's own transaction.
CREATE TABLE outbox (
    arrival_id bigint PRIMARY KEY REFERENCES arrivals
);

INSERT INTO berths (code, name, length_metres, depth_metres) VALUES
    ('N1', 'North Quay 1', 380, 16.5),
    ('N2', 'North Quay 2', 380, 16.5),
    ('E1', 'Eastern Bulk Pier', 290, 14.0),
    ('E2', 'Eastern Oil Jetty', 260, 13.5),
    ('S1', 'Ferry Landing', 180, 7.5),
    ('S2', 'Cruise Terminal', 340, 10.5),
    ('W1', 'Fish Dock', 90, 5.0),
    ('W2', 'Guest Pontoon', 45, 3.5);
