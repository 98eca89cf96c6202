"""WeChat Pay APIv3, partner mode."""
