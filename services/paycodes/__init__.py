"""Pay codes (收款码): their kinds, binding blank ones by scanning, and the posters they hang as."""
