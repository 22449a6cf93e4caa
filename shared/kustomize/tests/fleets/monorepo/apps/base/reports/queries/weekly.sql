select date_trunc('week', day), sum(total) from orders group by 1;
