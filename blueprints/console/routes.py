"""Every page below `/console/` with what it needs: the only place where pages are declared.

`tests/integration/console/test_routes.py` walks this table by every role and a foreign provider.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Final, NamedTuple

from blueprints.console import (
    ads,
    ads_seen,
    after_page,
    audit_log,
    code_batches,
    codes,
    confirming,
    entry,
    figures,
    gold_bulk,
    gold_plan,
    jobs,
    me,
    orders,
    overview,
    people,
    recon,
    set_up,
    starting,
    sync,
)
from services.console.rights import Right


class Open(Enum):
    """Pages that ask for no right at a provider."""

    ANYONE = "anyone"  # also who is not signed in
    SIGNED_IN = "signed_in"  # for whichever provider, or none yet


class Route(NamedTuple):
    """`confirms`: a change that wants a fresh code of the second factor, one code per change.

    `most_bytes`: the largest request it takes.
    """

    method: str
    rule: str  # below /console
    endpoint: str
    needs: Right | Open
    view: Callable[..., Any]
    confirms: bool = False
    most_bytes: int = 256 * 1024


ROUTES: Final = (
    Route("GET", "/sign-in", "sign_in", Open.ANYONE, entry.form),
    Route("POST", "/sign-in", "sign_in_send", Open.ANYONE, entry.send),
    Route("POST", "/sign-out", "sign_out", Open.SIGNED_IN, entry.sign_out),
    Route("GET", "/choose", "choose", Open.SIGNED_IN, entry.choose),
    Route("POST", "/choose", "choose_take", Open.SIGNED_IN, entry.take),
    Route("GET", "/confirm", "confirm", Open.SIGNED_IN, confirming.form),
    Route("POST", "/confirm", "confirm_send", Open.SIGNED_IN, confirming.send),
    Route("POST", "/choose/answer", "choose_answer", Open.SIGNED_IN, entry.answer_offer),
    Route("GET", "/set-up", "set_up", Open.ANYONE, set_up.form),
    Route("POST", "/set-up", "set_up_send", Open.ANYONE, set_up.send),
    Route("GET", "/me", "me", Open.SIGNED_IN, me.show),
    Route("GET", "/me/password", "me_password", Open.SIGNED_IN, me.password_form),
    Route("POST", "/me/password", "me_password_set", Open.SIGNED_IN, me.password),
    Route("GET", "/me/second-factor", "me_factor", Open.SIGNED_IN, me.second_factor_form),
    Route("POST", "/me/second-factor", "me_factor_set", Open.SIGNED_IN, me.second_factor),
    Route("POST", "/me/recovery", "me_recovery", Open.SIGNED_IN, me.renew_codes, confirms=True),
    Route("POST", "/me/sessions/end", "me_session_end", Open.SIGNED_IN, me.end_session),
    Route("GET", "/people", "people", Right.PEOPLE, people.show),
    Route("GET", "/people/new", "person_new", Right.PEOPLE, people.new),
    Route("POST", "/people/new", "person_add", Right.PEOPLE, people.add, confirms=True),
    Route("GET", "/people/<int:number>", "person", Right.PEOPLE, people.one),
    Route("POST", "/people/<int:number>/role", "person_role", Right.PEOPLE, people.set_role,
          confirms=True),
    Route("POST", "/people/<int:number>/switch", "person_switch", Right.PEOPLE, people.switch,
          confirms=True),
    Route("POST", "/people/<int:number>/link", "person_link", Right.PEOPLE, people.link,
          confirms=True),
    Route("POST", "/people/<int:number>/sessions", "person_sessions", Right.PEOPLE,
          people.end_sessions, confirms=True),
    Route("GET", "/audit", "audit", Right.AUDIT, audit_log.show),
    Route("GET", "/audit/export.csv", "audit_export", Right.AUDIT, audit_log.export),
    Route("POST", "/audit/verify", "audit_verify", Right.AUDIT, audit_log.verify),
    Route("GET", "/", "overview", Right.SEE, overview.show),
    Route("GET", "/figures", "figures", Right.SEE, figures.show),
    Route("GET", "/figures.csv", "figures_csv", Right.EXPORT, figures.csv),
    Route("GET", "/figures.xlsx", "figures_xlsx", Right.EXPORT, figures.xlsx),
    Route("GET", "/figures/day.csv", "figures_day", Right.EXPORT, figures.day_list),
    Route("GET", "/recon", "recon", Right.SEE, recon.show),
    Route("GET", "/recon.csv", "recon_csv", Right.EXPORT, recon.csv),
    Route("POST", "/recon/fetch", "recon_fetch", Right.RESOLVE, recon.fetch_again),
    Route("GET", "/recon/<source>/<int:number>", "recon_item", Right.SEE, recon.item),
    Route("POST", "/recon/<source>/<int:number>/ask", "recon_ask", Right.RESOLVE, recon.ask),
    Route("POST", "/recon/<source>/<int:number>/close", "recon_close", Right.RESOLVE, recon.close),
    Route("POST", "/recon/<source>/<int:number>/void", "recon_void", Right.RESOLVE, recon.void),
    Route("GET", "/orders", "orders", Right.SEE, orders.search),
    Route("GET", "/orders/<number>", "order", Right.SEE, orders.show),
    Route("POST", "/orders/<number>/ask", "order_ask", Right.RESOLVE, orders.ask),
    Route("GET", "/start", "start", Right.SEE, starting.show),
    Route("GET", "/codes", "codes", Right.SEE, codes.show),
    Route("POST", "/codes/find", "code_find", Right.SEE, codes.send),
    Route("POST", "/codes/batches", "code_batch_make", Right.MERCHANTS, code_batches.make),
    Route("GET", "/codes/<public_id>", "code_batch", Right.SEE, code_batches.show),
    Route("GET", "/codes/<public_id>/list.csv", "code_list", Right.EXPORT, code_batches.list_csv),
    Route("GET", "/codes/<public_id>/<int:package>.pdf", "code_pdf", Right.EXPORT,
          code_batches.as_pdf),
    Route("GET", "/codes/<public_id>/<int:package>.zip", "code_zip", Right.EXPORT,
          code_batches.as_zip),
    Route("GET", "/sync", "sync", Right.SEE, sync.show),
    Route("POST", "/sync", "sync_begin", Right.MERCHANTS, sync.begin, most_bytes=13 << 20),
    Route("GET", "/sync/template.csv", "sync_template", Right.SEE, sync.template),
    Route("POST", "/sync/link", "sync_offer", Right.MERCHANTS, sync.offer),
    Route("GET", "/sync/link", "sync_link", Right.MERCHANTS, sync.link_part),
    Route("GET", "/jobs", "jobs", Right.SEE, jobs.index),
    Route("GET", "/jobs/<int:number>", "job", Right.SEE, jobs.show),
    Route("GET", "/jobs/<int:number>/part", "job_part", Right.SEE, jobs.part),
    Route("GET", "/jobs/<int:number>/report.csv", "job_report", Right.EXPORT, jobs.csv),
    Route("POST", "/jobs/<int:number>/stop", "job_stop", Right.MERCHANTS, jobs.stop),
    Route("GET", "/ads", "ads", Right.SEE, ads.index),
    Route("POST", "/ads", "ads_create", Right.AFTER_PAYMENT, ads.create, most_bytes=ads.MOST_BYTES),
    Route("POST", "/ads/stop-all", "ads_stop_all", Right.APPROVE, ads.stop_all),
    Route("POST", "/ads/allow-all", "ads_allow_all", Right.APPROVE, ads.allow_all),
    Route("GET", "/ads/preview", "ads_preview", Right.SEE, ads_seen.preview),
    Route("GET", "/ads/pictures/<picture_id>", "ads_picture", Right.SEE, ads_seen.picture),
    Route("GET", "/ads/complete-page", "complete_page", Right.AFTER_PAYMENT, after_page.show),
    Route("POST", "/ads/complete-page", "complete_page_save", Right.AFTER_PAYMENT, after_page.save,
          confirms=True),
    Route("POST", "/ads/complete-page/try", "complete_page_try", Right.AFTER_PAYMENT,
          after_page.try_it),
    Route("GET", "/ads/<public_id>", "ad", Right.SEE, ads.show),
    Route("POST", "/ads/<public_id>", "ad_change", Right.AFTER_PAYMENT, ads.change,
          most_bytes=ads.MOST_BYTES),
    Route("POST", "/ads/<public_id>/approve", "ad_approve", Right.APPROVE, ads.approve),
    Route("POST", "/ads/<public_id>/refuse", "ad_refuse", Right.APPROVE, ads.refuse),
    Route("POST", "/ads/<public_id>/stop", "ad_stop", Right.AFTER_PAYMENT, ads.stop),
    Route("POST", "/ads/<public_id>/start", "ad_start", Right.AFTER_PAYMENT, ads.start),
    Route("GET", "/gold-plan", "gold_plan", Right.SEE, gold_plan.show),
    Route("POST", "/gold-plan/setting", "gold_plan_setting", Right.GOLD_PLAN,
          gold_plan.provider_setting),
    Route("POST", "/gold-plan/file", "gold_plan_file", Right.GOLD_PLAN,
          gold_plan.verification_file),
    Route("GET", "/gold-plan/m/<out_sub_mch_id>", "gold_plan_merchant", Right.SEE,
          gold_plan.merchant),
    Route("POST", "/gold-plan/m/<out_sub_mch_id>/switch", "gold_plan_switch", Right.GOLD_PLAN,
          gold_plan.switch),
    Route("POST", "/gold-plan/m/<out_sub_mch_id>/tags", "gold_plan_tags", Right.GOLD_PLAN,
          gold_plan.tags),
    Route("POST", "/gold-plan/m/<out_sub_mch_id>/receipt", "gold_plan_receipt", Right.GOLD_PLAN,
          gold_plan.receipt),
    Route("GET", "/gold-plan/bulk", "gold_plan_bulk", Right.GOLD_PLAN, gold_bulk.form),
    Route("POST", "/gold-plan/bulk", "gold_plan_bulk_send", Right.GOLD_PLAN, gold_bulk.send),
    Route("GET", "/gold-plan/rebate", "gold_plan_rebate", Right.SEE, gold_bulk.rebates),
    Route("GET", "/gold-plan/rebate.csv", "gold_plan_rebate_file", Right.EXPORT,
          gold_bulk.rebates_file),
)  # fmt: skip
BY_ENDPOINT: Final = {route.endpoint: route for route in ROUTES}
