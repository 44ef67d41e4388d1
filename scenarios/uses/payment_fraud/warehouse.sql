-- The warehouse of the payment workflow. Each statement is named by the comment line above it.
-- Times are milliseconds since 1970-01-01T00:00:00Z: time_ms is event time, the other two are simulated.

-- name: create
CREATE TABLE payments (
    payment_id   VARCHAR PRIMARY KEY,
    time_ms      BIGINT NOT NULL,
    card         VARCHAR,
    customer     VARCHAR,
    merchant     VARCHAR,
    category     VARCHAR,
    amount_cents BIGINT NOT NULL,
    city         VARCHAR,
    latitude     DOUBLE,
    longitude    DOUBLE,
    is_fraud     BOOLEAN,
    fraud_kind   VARCHAR,
    topic        VARCHAR NOT NULL,
    "partition"  INTEGER NOT NULL,
    "offset"     BIGINT NOT NULL,
    appended_ms  DOUBLE NOT NULL,
    loaded_ms    DOUBLE NOT NULL
)

-- name: load_new
INSERT INTO payments SELECT * FROM batch

-- name: load_again
-- For a batch in which a payment is delivered again; slower, and slower still as the table grows.
INSERT OR IGNORE INTO payments SELECT * FROM batch

-- name: totals
SELECT count(*)                                     AS payments,
       coalesce(sum(amount_cents), 0)::BIGINT       AS amount_cents,
       count(DISTINCT card)                         AS cards,
       count(*) FILTER (WHERE is_fraud)             AS fraud_payments,
       coalesce(sum(amount_cents) FILTER (WHERE is_fraud), 0)::BIGINT AS fraud_cents
FROM payments

-- name: per_hour
SELECT strftime(make_timestamp(time_ms // 3600000 * 3600000000), '%Y-%m-%d %H:00') AS hour_utc,
       count(*)                                     AS payments,
       sum(amount_cents)::BIGINT                    AS amount_cents,
       count(*) FILTER (WHERE is_fraud)             AS fraud_payments,
       round(100.0 * count(*) FILTER (WHERE is_fraud) / nullif(count(is_fraud), 0), 3) AS fraud_percent
FROM payments
GROUP BY hour_utc
ORDER BY hour_utc

-- name: per_minute
-- Only when all payments lie within two hours.
SELECT strftime(make_timestamp(time_ms // 60000 * 60000000), '%Y-%m-%d %H:%M') AS minute_utc,
       count(*)                                     AS payments,
       sum(amount_cents)::BIGINT                    AS amount_cents,
       count(*) FILTER (WHERE is_fraud)             AS fraud_payments,
       round(100.0 * count(*) FILTER (WHERE is_fraud) / nullif(count(is_fraud), 0), 3) AS fraud_percent
FROM payments
WHERE (SELECT max(time_ms) - min(time_ms) FROM payments) <= 7200000
GROUP BY minute_utc
ORDER BY minute_utc

-- name: fraud_by_category
SELECT coalesce(category, 'unknown')                AS category,
       count(*)                                     AS payments,
       sum(amount_cents)::BIGINT                    AS amount_cents,
       count(*) FILTER (WHERE is_fraud)             AS fraud_payments,
       round(100.0 * count(*) FILTER (WHERE is_fraud) / nullif(count(is_fraud), 0), 3) AS fraud_percent
FROM payments
GROUP BY ALL
ORDER BY fraud_percent DESC NULLS LAST, category

-- name: fraud_by_kind
SELECT coalesce(fraud_kind, 'unknown')              AS fraud_kind,
       count(*)                                     AS payments,
       sum(amount_cents)::BIGINT                    AS amount_cents
FROM payments
WHERE is_fraud
GROUP BY ALL
ORDER BY fraud_kind

-- name: load_latency
SELECT topic,
       "partition"                                                   AS "partition",
       count(*)                                                      AS payments,
       round(quantile_cont(loaded_ms - appended_ms, 0.50), 3)        AS p50_ms,
       round(quantile_cont(loaded_ms - appended_ms, 0.95), 3)        AS p95_ms,
       round(max(loaded_ms - appended_ms), 3)                        AS max_ms
FROM payments
GROUP BY GROUPING SETS ((), (topic, "partition"))
HAVING count(*) > 0
ORDER BY topic NULLS FIRST, "partition" NULLS FIRST
