"""Client of the Yima payment platform."""

from yima.client import Shop, Yima
from yima.errors import Refused, Undecided, YimaError
from yima.payments import Payment, PaymentAsked
from yima.refunds import Refund, RefundAsked

__all__ = [
    "Payment",
    "PaymentAsked",
    "Refund",
    "RefundAsked",
    "Refused",
    "Shop",
    "Undecided",
    "Yima",
    "YimaError",
]
