"""Units of work on several processes of this machine or of a cluster, or here, one after the other.

Work is a function without arguments that loads what it needs, such as models, and returns a function of one unit. Each
worker loads once and then takes one unit after the other, in no order. A unit whose worker dies is done again, so units
have to leave nothing half done behind.
"""

from guided_imagination.utils.workers.engines import Spec as Spec
from guided_imagination.utils.workers.engines import call as call
from guided_imagination.utils.workers.engines import start as start
from guided_imagination.utils.workers.engines import warm_up as warm_up
from guided_imagination.utils.workers.engines import worker_count as worker_count
