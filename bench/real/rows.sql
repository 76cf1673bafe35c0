-- SPDX-License-Identifier: MIT
-- Rows, indices, groups, joins and updates in memory; :rows says how many.
create table item (id integer primary key, name text, kind integer, price real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < :rows)
insert into item select i, printf('item %d of %s', i * 7919 % 100003, hex(i)), i % 97, i * 0.25 from n;
create index item_name on item (name);
create index item_kind on item (kind, price);
create table total as select kind, count(*) as items, sum(price) as price, group_concat(name, ', ') as names
from item group by kind;
update item set name = upper(name) || ' (' || kind || ')' where id % 3 = 0;
delete from item where id % 5 = 0;
select count(*), sum(length(a.name)) from item a join total t on t.kind = a.kind where a.name > 'item 5';
select kind, max(name), min(price) from item group by kind order by 2 limit 5;
select count(distinct substr(name, 1, 12)) from item;
