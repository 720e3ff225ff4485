-- Counts the members of a CSV export by list and status, each member in the last version.
--
--   curl -sS --fail-with-body -H "Authorization: Bearer $TOKEN" "$API/export?format=csv&formulas=raw" > members.csv
--   duckdb < duckdb-csv.sql
create table members as
select *
from read_csv(
  'members.csv',
  header = true,
  -- Named, because DuckDB would otherwise guess them, and guesses wrong if names hold quotes and line breaks.
  delim = ',', quote = '"', escape = '"',
  -- Otherwise a ZIP code such as 01234 might become a number.
  all_varchar = true,
  max_line_size = 16777216
)
-- A member who changed during the export may come twice.
qualify row_number() over (partition by "LIST_ID", lower("Email Address") order by "LAST_CHANGED" desc) = 1;

select "LIST_NAME" as list, "STATUS" as status, count(*) as members
from members
group by all
order by all;
