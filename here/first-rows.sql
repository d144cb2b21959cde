-- The newest rows, to see that the copy works. User, password and stream come from the container's
-- own environment; -T leaves out the terminal, which a redirected input cannot have:
--   docker compose exec -T clickhouse sh -c 'clickhouse-client --user "$CLICKHOUSE_USER" --password "$CLICKHOUSE_PASSWORD" --database "$CLICKHOUSE_DB" --param_table="$WEATHER_STREAM"' < first-rows.sql
SELECT timestamp, instrument AS station, temperature, humidity, pressure, case_temperature
FROM {table:Identifier}
ORDER BY timestamp DESC
LIMIT 10;
