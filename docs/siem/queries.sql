-- Questions to a SIEM's copy of a ledger's events (format ocsf), for DuckDB 1.4 and later.
--
--   duckdb -init docs/siem/queries.sql      with events.jsonl in the working directory
--
-- Each question is a view; who asks `SELECT * FROM replayed_approval;` gets one row for each case.
-- An empty answer means that these events show none. That no event is missing is told by the views
-- missing_leaves and broken_chain, and by `placet-verify reconcile` against the log itself.

CREATE OR REPLACE VIEW events AS
SELECT
    json ->> '$.metadata.uid' AS uid,
    json ->> '$.metadata.event_code' AS code,
    json ->> '$.metadata.log_name' AS log,
    TRY_CAST(json ->> '$.metadata.sequence' AS BIGINT) AS leaf,
    make_timestamp(TRY_CAST(json ->> '$.time' AS BIGINT) * 1000) AS happened,
    json ->> '$.metadata.correlation_uid' AS request,
    json ->> '$.ai_agent.uid' AS agent,
    json ->> '$.actor.user.uid' AS actor,
    coalesce(json ->> '$.unmapped.placet.subject_id', json ->> '$.actor.user.uid') AS subject,
    -- An execution and an outcome name no action: their request does.
    coalesce(json ->> '$.unmapped.placet.action',
             CASE WHEN json ->> '$.activity_name' = 'Evaluate' THEN json ->> '$.api.operation' END)
        AS operation,
    coalesce(json ->> '$.unmapped.placet.resource_id', json ->> '$.resources[0].uid') AS resource,
    json ->> '$.unmapped.placet.resource_type' AS resource_type,
    json ->> '$.status_detail' AS reason,
    json ->> '$.src_endpoint.name' AS point,
    json ->> '$.policy.uid' AS policy,
    TRY_CAST(json ->> '$.policy.version' AS BIGINT) AS policy_index,
    json -> '$.unmapped.placet.approvals' AS approvals,
    TRY_CAST(json ->> '$.unmapped.placet.tree_size' AS BIGINT) AS tree_size,
    json ->> '$.unmapped.placet.root' AS root,
    TRY_CAST(json ->> '$.unmapped.placet.sequence' AS BIGINT) AS note,
    TRY_CAST(json ->> '$.unmapped.placet.first_leaf' AS BIGINT) AS first_leaf,
    json ->> '$.unmapped.placet.note_sha256' AS note_sha256,
    json ->> '$.unmapped.placet.previous_note' AS previous_note,
    json ->> '$.entity.uid' AS entity,
    CAST(json AS VARCHAR) AS line
FROM read_ndjson_objects('events.jsonl');

-- An exporter that is started again may send an event twice; both are the same, byte for byte.
CREATE OR REPLACE VIEW once AS
SELECT * FROM events QUALIFY row_number() OVER (PARTITION BY uid, line) = 1;

-- - Whether the copy is whole.

-- One uid with two contents: one of them was altered, or the statement was erased in between.
CREATE OR REPLACE VIEW altered AS
SELECT uid, log, leaf, count(*) AS versions, list(code) AS codes
FROM once GROUP BY uid, log, leaf HAVING count(*) > 1;

-- Leaves of which there is no event, up to the largest checkpoint of each log.
CREATE OR REPLACE VIEW missing_leaves AS
SELECT covered.log, covered.leaf
FROM (SELECT log, unnest(range(0, max(tree_size))) AS leaf FROM once
      WHERE code = 'export.checkpoint' GROUP BY log) covered
LEFT JOIN once found ON found.log = covered.log AND found.leaf = covered.leaf
WHERE found.uid IS NULL;

-- Checkpoints that do not follow the one before.
CREATE OR REPLACE VIEW broken_chain AS
SELECT * FROM (
    SELECT log, note, first_leaf, previous_note,
           lag(note, 1, -1) OVER w AS note_before,
           lag(tree_size, 1, 0) OVER w AS size_before,
           lag(note_sha256) OVER w AS sha256_before
    FROM once WHERE code = 'export.checkpoint' WINDOW w AS (PARTITION BY log ORDER BY note))
WHERE note <> note_before + 1 OR first_leaf <> size_before
   OR previous_note IS DISTINCT FROM sha256_before;

-- - What somebody tried.

-- An approval was brought again; beside it, the execution that had spent one for the same action.
CREATE OR REPLACE VIEW replayed_approval AS
SELECT again.happened, again.agent, again.operation, again.resource, again.request AS new_request,
       max(spent.request) AS spent_request, max(spent.happened) AS spent_at
FROM once again
LEFT JOIN once asked ON asked.code = 'approval.requested' AND asked.agent = again.agent
     AND asked.operation = again.operation AND asked.resource = again.resource
     AND asked.log = again.log AND asked.leaf < again.leaf
LEFT JOIN once spent ON spent.code = 'action.allowed' AND spent.request = asked.request
WHERE again.reason = 'pdp.approval_spent'
GROUP BY ALL ORDER BY again.happened;

CREATE OR REPLACE VIEW expired_approval AS
SELECT happened, agent, operation, resource, request FROM once
WHERE reason = 'pdp.approval_expired' ORDER BY happened;

-- With the actions that this agent had approvals for within the hour before.
CREATE OR REPLACE VIEW other_action_than_approved AS
SELECT tried.happened, tried.agent, tried.operation, tried.resource, tried.request,
       list(DISTINCT had.operation || ' ' || had.resource) AS approved_within_an_hour
FROM once tried
LEFT JOIN once had ON had.code = 'approval.approved' AND had.agent = tried.agent
     AND had.happened BETWEEN tried.happened - INTERVAL 1 HOUR AND tried.happened
WHERE tried.reason = 'pdp.approval_digest'
GROUP BY ALL ORDER BY tried.happened;

-- Ids that callers write come in any case and with or without urn:uuid: before them.
CREATE OR REPLACE VIEW self_approved AS
SELECT happened, actor AS approver, agent, subject, operation, resource, request FROM once
WHERE code = 'approval.approved'
  AND lower(actor) IN (replace(lower(agent), 'urn:uuid:', ''), replace(lower(subject), 'urn:uuid:', ''))
ORDER BY happened;

-- Ten approvals or more of one person within five minutes of another one.
CREATE OR REPLACE VIEW approval_burst AS
SELECT approver, min(happened) AS first, max(happened) AS last, max(within) AS within_five_minutes
FROM (SELECT actor AS approver, happened, count(*) OVER (
          PARTITION BY actor ORDER BY happened
          RANGE BETWEEN INTERVAL 5 MINUTES PRECEDING AND CURRENT ROW) AS within
      FROM once WHERE code = 'approval.approved')
WHERE within >= 10 GROUP BY approver;

-- Executions that name no approval, or one that the copy does not hold for the same request.
CREATE OR REPLACE VIEW executed_without_approval AS
SELECT done.happened, done.agent, done.request, done.leaf, done.approvals
FROM once done
WHERE done.code = 'action.allowed'
  AND (done.approvals IS NULL OR EXISTS (
    SELECT 1 FROM (SELECT unnest(CAST(done.approvals AS BIGINT[])) AS leaf) named
    WHERE NOT EXISTS (
        SELECT 1 FROM once given WHERE given.log = done.log AND given.leaf = named.leaf
           AND given.leaf < done.leaf
           AND (given.code = 'statement.erased'
                OR (given.code = 'approval.approved' AND given.request = done.request)))))
ORDER BY done.happened;

-- The exporter's finding, and two checkpoints of one size that differ: a split view.
CREATE OR REPLACE VIEW log_rewritten AS
SELECT log, happened, code AS what FROM once WHERE code = 'log.rollback'
UNION ALL
SELECT log, max(happened), 'two roots of size ' || tree_size FROM once
WHERE code = 'export.checkpoint' GROUP BY log, tree_size HAVING count(DISTINCT root) > 1;

-- Hosts of your inventory at which nothing was decided for a day. Fill the table:
--   INSERT INTO inventory VALUES ('https://gateway.example.com');
CREATE TABLE IF NOT EXISTS inventory (point VARCHAR PRIMARY KEY);
CREATE OR REPLACE VIEW uncovered_host AS
SELECT inventory.point, max(once.happened) AS last_seen
FROM inventory LEFT JOIN once ON once.point = inventory.point
GROUP BY inventory.point
HAVING last_seen IS NULL OR last_seen < (SELECT max(happened) FROM once) - INTERVAL 1 DAY;

-- The other way round: where something was decided, and nobody has it in the inventory.
CREATE OR REPLACE VIEW unknown_enforcement_point AS
SELECT point, min(happened) AS first, max(happened) AS last, count(*) AS events FROM once
WHERE code LIKE 'action.%' AND point NOT IN (SELECT point FROM inventory) GROUP BY point;

-- What an earlier policy asked a person for, a later one permits without.
CREATE OR REPLACE VIEW policy_weakened AS
SELECT now.policy, now.policy_index, now.operation, now.resource_type, min(now.happened) AS first,
       count(DISTINCT now.uid) AS permits, max(before.policy_index) AS asked_under
FROM once now
JOIN once before ON before.code = 'approval.requested' AND before.operation = now.operation
     AND before.resource_type IS NOT DISTINCT FROM now.resource_type
     AND before.policy_index < now.policy_index
WHERE now.code = 'action.permitted' AND now.approvals IS NULL
GROUP BY ALL ORDER BY first;

-- Let through, and no outcome told within a quarter of an hour.
CREATE OR REPLACE VIEW outcome_missing AS
SELECT done.happened, done.agent, done.request, done.point FROM once done
WHERE done.code = 'action.allowed'
  AND done.happened < (SELECT max(happened) FROM once) - INTERVAL 15 MINUTES
  AND NOT EXISTS (SELECT 1 FROM once told WHERE told.request = done.request
                  AND told.code IN ('action.succeeded', 'action.failed', 'action.unknown'))
ORDER BY done.happened;
