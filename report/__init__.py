"""The report of a debate: who spoke when and how long, what was argued, checked, voted and asked, and what was said.

`report_of` makes its content from a journal; FORMS are what it is shown in. Imported by the web service; decides
nothing and reads no store itself.
"""

from __future__ import annotations

from report.content import Report
from report.forms import FORMS, Form
from report.reading import report_of

__all__ = ["FORMS", "Form", "Report", "report_of"]
