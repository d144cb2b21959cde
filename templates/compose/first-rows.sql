-- The newest rows, to see that the copy works:
--   docker compose exec clickhouse clickhouse-client --database weather --queries-file /dev/stdin < first-rows.sql
SELECT Timestamp, Instrument AS station, temperature, humidity, pressure, case_temperature
FROM weather_record
ORDER BY Timestamp DESC
LIMIT 10;
