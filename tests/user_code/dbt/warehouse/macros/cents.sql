{% macro cents(n) %}{{ n }} / 1000.0{% endmacro %}
