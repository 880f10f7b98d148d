// The fields of ECS and the words that four of them may hold, as Elastic's own package has them.
// usage: node ecs_names.mjs   prints {field: {word: [event types that are expected with it]} | null}
import { createRequire } from 'node:module'

const { EcsFlat } = createRequire(import.meta.url)('@elastic/ecs')
const words = (field) => field.allowed_values?.length
  ? Object.fromEntries(field.allowed_values.map((v) => [v.name, v.expected_event_types ?? []]))
  : null
console.log(JSON.stringify(Object.fromEntries(
  Object.entries(EcsFlat).map(([name, field]) => [name, words(field)]))))
