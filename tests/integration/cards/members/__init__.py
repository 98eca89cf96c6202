"""Programs, claims, phones, adjustments, imports, and the copy in WeChat's wallet."""
