from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("automations", "0001_automations"),
    ]

    operations = [
        migrations.AddField(
            model_name="clock",
            name="seq",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="clock",
            name="tx",
            field=models.BigIntegerField(
                help_text="The place; else it is the follower's.", null=True
            ),
        ),
    ]
