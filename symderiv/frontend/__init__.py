"""The text front end: it reads what a user wrote, and knows no mathematics."""
