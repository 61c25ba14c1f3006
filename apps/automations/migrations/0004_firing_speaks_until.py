from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("automations", "0003_parked_tasks"),
    ]

    operations = [
        migrations.AddField(
            model_name="firing",
            name="speaks_until",
            field=models.DateTimeField(
                help_text="When that minute ends: of a firing that says how many more.", null=True
            ),
        ),
    ]
