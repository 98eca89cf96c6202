"""The Gold Plan (点金计划): its switches, the receipt inside WeChat's page, and what both tell us."""
