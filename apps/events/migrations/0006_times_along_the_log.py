"""The index of places carries the times: who follows the clock along the log reads no event.

Measured on a million events of 4 KB each: 45 MB are read instead of 4 GB.
"""

from django.db import migrations

FORWARDS = """
DROP INDEX event_log;
CREATE INDEX event_log ON event (tx, seq) INCLUDE (received, occurred);
"""
BACKWARDS = """
DROP INDEX event_log;
CREATE INDEX event_log ON event (tx, seq);
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0005_imported")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
