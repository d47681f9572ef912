"""What each action does, one file per topic; services.py registers them."""
