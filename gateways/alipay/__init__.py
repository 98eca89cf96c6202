"""Alipay open platform, gateway.do, as a service provider (ISV)."""
