"""Light controllers that a site may run: work to do at a due time, no threads, no processes, no containers."""

from fakekube.controllers.stages import NO_STAGES as NO_STAGES
from fakekube.controllers.stages import STAGES as STAGES
from fakekube.controllers.stages import Stage as Stage
from fakekube.controllers.stages import Stages as Stages
from fakekube.controllers.workloads import Workloads as Workloads
