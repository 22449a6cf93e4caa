select day, sum(total)
from orders
where day = current_date - 1
group by day;
