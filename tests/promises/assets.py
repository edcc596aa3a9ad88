"""What is promised of the assets."""

from tests.promises.model import Mutant, Promise

_FILES = "assets/test_files.py::"
_ASSETS = "integration/test_assets.py::"
_VALIDATE = "assets/test_validate.py::"
_ASSETS_SETUP = "integration/test_assets_setup.py::"
_KIBANA_INSTALL = "assets/test_kibana_install.py::"
_SECURITY = "integration/test_security.py::"
_TYPES = "assets/test_types.py::"
_FOREIGN = "assets/test_foreign.py::"
_ASSETS_INGEST = "integration/test_assets_ingest.py::"

ASSETS = (
    Promise(
        "assets:fresh",
        "The committed assets match the catalog.",
        {
            f"{_FILES}test_the_committed_files_are_those_of_the_catalog": (
                Mutant("assets/generate/bodies.py", "ROLLOVER_DAYS = 30", "ROLLOVER_DAYS = 31"),
            ),
            f"{_FILES}test_missing_edited_and_leftover_files_are_named_and_corrected": (
                Mutant(
                    "assets/generate/files.py",
                    "elif there != content:",
                    "elif there == content:",
                ),
            ),
        },
    ),
    Promise(
        "assets:accepted",
        "Elasticsearch's own parser accepts every policy, and each event type is routed "
        "to its data stream with the catalog's mapping.",
        {
            f"{_ASSETS}test_the_server_takes_the_policies_of_every_scope": (),
            "integration/test_line.py::test_each_type_is_routed_to_its_stream_with_its_mapping": (),
            "wire/test_bulk.py::test_a_line_goes_to_the_stream_that_it_names_if_the_name_is_sound": (
                Mutant(
                    "wire/bulk.py",
                    "is_valid = stream.type in STREAM_TYPES and all(map(is_part, parts))",
                    "is_valid = True",
                ),
            ),
        },
    ),
    Promise(
        "assets:validated",
        "`validate` reports a seeded fault of each kind with its place. Elasticsearch "
        "refuses every policy that `validate` refuses, except for two faults that it "
        "reports only later.",
        {
            f"{_VALIDATE}test_a_fault_of_a_line_is_named_with_its_place": (),
            f"{_VALIDATE}test_a_fault_of_a_panel_is_named": (),
            f"{_VALIDATE}test_a_fault_of_a_detection_rule_is_named": (),
            f"{_VALIDATE}test_a_fault_of_a_stack_rule_is_named": (),
            "assets/test_validate_stack.py::test_a_fault_in_a_policy_is_named": (
                Mutant("assets/validate/stack.py", "if action not in PHASES[name]:", "if False:"),
            ),
            f"{_ASSETS}test_the_server_refuses_each_policy_that_validate_does": (),
        },
    ),
    Promise(
        "assets:idempotent",
        "A second setup changes nothing, a removal leaves nothing of mcp-shipper behind, "
        "and a dry run prints what the run then prints.",
        {
            f"{_ASSETS_SETUP}test_a_dry_run_prints_what_a_run_prints_and_a_second_run_changes_nothing": (),
            f"{_ASSETS_SETUP}test_a_removal_leaves_nothing_behind_and_its_dry_run_prints_the_same": (),
            f"{_ASSETS}test_removal_leaves_nothing_of_ours_and_all_of_others": (),
            f"{_KIBANA_INSTALL}test_all_is_created_once_and_unchanged_the_second_time_by_a_fake_kibana": (
                Mutant("assets/install/kibana.py", "if before == after:", "if False:"),
            ),
            f"{_KIBANA_INSTALL}test_a_dry_run_reports_the_changes_of_the_run_by_a_fake_kibana": (
                Mutant(
                    "assets/install/kibana.py",
                    "errors = {} if dry_run or not wanted else",
                    "errors = {} if not wanted else",
                ),
            ),
            f"{_KIBANA_INSTALL}test_removal_deletes_all_generated_objects_and_no_others_by_a_fake_kibana": (
                Mutant(
                    "assets/install/kibana.py",
                    "for body in reversed(objects):",
                    "for body in objects[1:]:",
                ),
            ),
        },
    ),
    Promise(
        "assets:typed",
        "Every policy, template, pipeline and role is a body that Elastic's own types "
        "allow, under each strategy and with an operator's own types and fields.",
        {
            f"{_TYPES}test_every_body_is_what_the_api_takes_under_each_strategy": (
                Mutant(
                    "assets/generate/bodies.py",
                    ('"max_num_segments": 1}}\n    warm'),
                    ('"max_num_segment": 1}}\n    warm'),
                ),
            ),
            f"{_TYPES}test_each_seeded_fault_is_caught": (),
        },
    ),
    Promise(
        "assets:rights",
        "Each role and key may do what its purpose needs and nothing else, on an Elasticsearch "
        "with security: a tenant sees its own events by every way, an analyst no content.",
        {
            f"{_SECURITY}test_credentials_may_do_nothing_beyond_their_purpose": (),
            f"{_SECURITY}test_the_key_of_a_shipper_stores_each_event_once_however_often_it_is_sent": (),
            f"{_SECURITY}test_an_analyst_sees_every_event_and_no_content_of_it": (),
            f"{_SECURITY}test_a_tenant_sees_the_events_of_its_client_and_no_others_by_any_way": (),
            f"{_SECURITY}test_events_wait_for_a_missing_right_which_is_reported_once": (),
            "assets/test_security.py::test_the_role_of_a_writer_has_the_rights_of_the_key_of_a_shipper": (
                Mutant(
                    "assets/generate/security.py",
                    '"indices": [_writes(names), compares, _writes(_GENERIC)]}',
                    '"indices": [_writes(names), _writes(_GENERIC)]}',
                ),
            ),
        },
    ),
    Promise(
        "assets:overlay",
        "One command puts an operator's event type and framework into every asset.",
        {
            f"{_ASSETS_SETUP}test_one_command_makes_all_assets_of_a_users_type_and_framework": (),
            "assets/test_templates.py::test_a_users_overlay_has_its_policy_its_template_and_its_fields": (
                Mutant(
                    "assets/generate/bodies.py",
                    "scope)}\n        for row in catalog.event_types.values()",
                    (
                        "scope)}\n        for row in catalog.event_types.values()"
                        ' if row.name.startswith("mcp_")'
                    ),
                ),
            ),
        },
    ),
    Promise(
        "assets:foreign",
        "Both pipelines turn any foreign line into one event, or keep it as masked text. "
        "No planted secret is left in it.",
        {
            f"{_FOREIGN}test_every_line_becomes_one_event": (),
            f"{_FOREIGN}test_no_planted_secret_is_left_wherever_it_stands": (
                Mutant(
                    "assets/generate/scripts/mcp_normalise.rb",
                    "if hide then hidden(item, state)",
                    "if false then hidden(item, state)",
                ),
            ),
            f"{_ASSETS_INGEST}test_every_line_becomes_one_event": (),
            f"{_ASSETS_INGEST}test_no_planted_secret_is_left_wherever_it_stands": (),
        },
    ),
)
