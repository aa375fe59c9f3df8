"""What a run will cost before it begins: how much work there is, how fast this machine does it, and the product."""

from guided_imagination.report.planning.forecast import forecast as forecast
from guided_imagination.report.planning.forecast import markdown as markdown
from guided_imagination.report.planning.plan import looked_up as looked_up
from guided_imagination.report.planning.plan import measured as measured
from guided_imagination.report.planning.plan import to_download as to_download
from guided_imagination.report.planning.speeds import read as read
from guided_imagination.report.planning.speeds import to_table as to_table
from guided_imagination.report.planning.work import Place as Place
from guided_imagination.report.planning.work import decoded_bytes as decoded_bytes
