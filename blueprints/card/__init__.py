"""The payer's card in WeChat: `/card/<out_mch_id>/<out_sub_mch_id>`."""

from blueprints.card.routes import bp

__all__ = ["bp"]
