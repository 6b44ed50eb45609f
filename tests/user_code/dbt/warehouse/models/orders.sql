select 1 as id, {{ cents(100) }} as amount
