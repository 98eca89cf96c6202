"""The payer's phone: `/q/<out_mch_id>/<code>` and the links of codes printed long ago."""

from blueprints.pay.routes import bp

__all__ = ["bp"]
