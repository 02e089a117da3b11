// Reads a mart whole and in a stream, as JSON on stdout. URL, user and password come as variables.
import { createClient, ClickHouseError } from '@clickhouse/client'

const client = createClient({
  url: process.env.DOOR_URL,
  username: process.env.DOOR_USER,
  password: process.env.DOOR_PASSWORD,
  database: 'clickward_marts',
  compression: { response: true },
})

const query = 'select * from mart_publisher_daily order by event_date, app_id, publisher'
const whole = await (await client.query({ query, format: 'JSONEachRow' })).json()

const streamed = []
let pieces = 0
const rows = await client.query({ query, format: 'JSONEachRow', query_params: {} })
for await (const piece of rows.stream()) {
  pieces += 1
  streamed.push(...piece.map((row) => row.json()))
}

const counted = await client.query({
  query: 'select count() as n from mart_publisher_daily where clicks >= {least:UInt32}',
  query_params: { least: 1 },
  format: 'JSON',
})
const { data, rows: height } = await counted.json()

let big = 0
const long = await client.query({
  query: 'select number from numbers(500000)',
  format: 'JSONCompactEachRow',
})
for await (const piece of long.stream()) {
  for (const row of piece) big += Number(row.json()[0])
}

let refused = ''
try {
  await client.query({ query: 'select * from no_such_mart' })
} catch (error) {
  if (!(error instanceof ClickHouseError)) throw error
  refused = `${error.code} ${error.type}`
}

const alive = (await client.ping()).success
await client.close()
console.log(JSON.stringify({ whole, streamed, pieces, counted: data[0].n, height, big, refused, alive }))
