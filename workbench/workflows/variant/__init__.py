"""The steps on one variant: prepare (model, clips, fingerprints), build, score, and `run`, which is all of them.

The other modules of `workflows` string these steps together. Nothing else imports them.
"""
