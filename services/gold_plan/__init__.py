"""The Gold Plan (点金计划): its switches, and the receipt inside WeChat's own page."""
