"""The settings a reader may change: how a result is written and read, and how much work it takes.

A list of what may be set, for what may hurt is not to be listed: ClickHouse has 1,900 settings, and
each version brings new ones. Every other one that the engine knows is constant in the profile, and
the engine refuses it in a request, in a SETTINGS clause and in SET alike.
"""

# Words that name each setting's tail; `changeable` puts the heads before them.
_OUTPUT = {
    "csv": "crlf_end_of_line serialize_tuple_into_separate_columns"
    " header_serialize_tuple_into_separate_columns",
    "tsv": "crlf_end_of_line",
    "json": "array_of_rows escape_forward_slashes map_as_array_of_tuples named_tuples_as_objects"
    " pretty_print quote_64bit_floats quote_64bit_integers quote_decimals quote_denormals"
    " skip_null_value_in_named_tuples validate_utf8",
    "pretty": "color grid_charset highlight_digit_groups max_column_pad_width max_rows"
    " max_value_width row_numbers fallback_to_vertical multiline_fields",
    "arrow": "compression_method date_as_uint16 fixed_string_as_fixed_byte_array"
    " low_cardinality_as_dictionary string_as_string use_64_bit_indexes_for_dictionary"
    " use_signed_indexes_for_dictionary",
    "parquet": "compression_method compliant_nested_types date_as_uint16 datetime_as_uint32"
    " fixed_string_as_fixed_byte_array string_as_string version",
    "orc": "compression_method string_as_string",
    "native": "encode_types_in_binary_format write_json_as_string"
    " use_flattened_dynamic_and_json_serialization",
    "binary": "encode_types_in_binary_format write_json_as_string",
    "sql_insert": "include_column_names max_batch_size quote_names table_name use_replace",
}
_OTHER = """
    output_format_decimal_trailing_zeros output_format_write_statistics
    output_format_parallel_formatting output_format_enable_streaming output_format_trim_fixed_string
    output_format_always_write_decimal_point_in_float_and_decimal
    format_csv_delimiter format_csv_null_representation format_tsv_null_representation
    format_custom_escaping_rule format_custom_field_delimiter format_custom_row_before_delimiter
    format_custom_row_after_delimiter format_custom_row_between_delimiter
    format_custom_result_before_delimiter format_custom_result_after_delimiter
    date_time_input_format date_time_output_format date_time_overflow_behavior session_timezone
    low_cardinality_allow_in_native_format extremes limit offset
    join_use_nulls join_algorithm join_default_strictness any_join_distinct_right_table_keys
    union_default_mode except_default_mode intersect_default_mode group_by_use_nulls totals_mode
    transform_null_in aggregate_functions_null_for_empty count_distinct_implementation
    cast_keep_nullable data_type_default_nullable prefer_column_name_to_alias final
    describe_compact_output describe_include_subcolumns
    enable_named_columns_in_function_tuple enable_unaligned_array_join
    optimize_read_in_order optimize_aggregation_in_order
    allow_experimental_analyzer enable_analyzer allow_suspicious_low_cardinality_types
    max_result_rows max_result_bytes result_overflow_mode max_rows_to_read max_bytes_to_read
    read_overflow_mode max_rows_to_group_by group_by_overflow_mode max_rows_to_sort
    max_bytes_to_sort sort_overflow_mode max_rows_in_distinct distinct_overflow_mode
    max_rows_in_join max_bytes_in_join join_overflow_mode max_rows_in_set max_bytes_in_set
    max_columns_to_read timeout_overflow_mode max_execution_speed
    database log_comment log_queries send_logs_level select_sequential_consistency
    http_response_buffer_size http_zlib_compression_level output_format_compression_level
    http_native_compression_disable_checksumming_on_decompress
    cancel_http_readonly_queries_on_client_close
"""
# Greatest values of what makes a query cost more; 1 is the least, for 0 means without a limit.
BOUNDED = {"max_threads": 64, "max_block_size": 1 << 20}


def changeable() -> set[str]:
    """Names of the settings that a reader may give any value."""
    tails = [
        f"output_format_{head}_{tail}" for head, words in _OUTPUT.items() for tail in words.split()
    ]
    return {*tails, *_OTHER.split()}
