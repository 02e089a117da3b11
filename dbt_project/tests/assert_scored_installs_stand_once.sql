-- An install has one score in force for each target, however many versions scored it.
select install_id, target, count() as scores
from {{ ref("fct_scored_installs") }}
group by install_id, target
having scores > 1
