"""特约商户进件: a merchant's application at WeChat Pay, from the first field to the merchant."""
