-- Counts the members of an export by status and list, each member in the last version.
--
--   curl -sS --fail-with-body -H "Authorization: Bearer $TOKEN" "$API/export" > members.ndjson
--   duckdb < duckdb.sql
create table members as
select *
from read_ndjson(
  'members.ndjson',
  -- Named, because DuckDB would otherwise guess the columns from the first rows.
  columns = {
    list_id: 'VARCHAR', id: 'VARCHAR', email_address: 'VARCHAR', status: 'VARCHAR',
    last_changed: 'TIMESTAMPTZ', merge_fields: 'JSON', tags: 'JSON'
  },
  maximum_object_size = 67108864
)
-- A member who changed during the export may come twice.
qualify row_number() over (partition by list_id, id order by last_changed desc) = 1;

select list_id, status, count(*) as members
from members
group by all
order by all;
