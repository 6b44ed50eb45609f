// Describes a code location as text: its jobs, the graph and the plan of one of them, an error.
//
//     node describe.js ADDRESS PROTO_FOLDER JOB
//
// It has nothing but the proto files and three packages of npm.
'use strict'

const path = require('node:path')
const grpc = require('@grpc/grpc-js')
const protoLoader = require('@grpc/proto-loader')
const protobuf = require('protobufjs')

const SECONDS = 60

function connect (address, protos) {
  const definition = protoLoader.loadSync('codeserver/api/v1/code_location.proto', {
    includeDirs: [protos],
    keepCase: true,
    enums: String,
    longs: Number,
    defaults: true
  })
  const api = grpc.loadPackageDefinition(definition).codeserver.api.v1
  return new api.CodeLocationService(address, grpc.credentials.createInsecure())
}

function call (client, rpc, request) {
  const deadline = new Date(Date.now() + SECONDS * 1000)
  return new Promise((resolve, reject) => {
    client[rpc](request, { deadline }, (error, reply) => error ? reject(error) : resolve(reply))
  })
}

async function * pages (client, rpc, request) {
  let token = ''
  do {
    const page = await call(client, rpc, { ...request, page_token: token })
    yield page
    token = page.next_page_token
  } while (token)
}

async function * jobLines (client) {
  for await (const page of pages(client, 'ListJobs', { page_size: 2 })) {
    for (const job of page.jobs) yield `job ${job.name} (${job.executor}): ${job.description}`
  }
}

function * graphLines (graph, indent = '') {
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(input => `${input.name}: ${input.type}`).join(', ')
    const outputs = node.outputs.map(output => output.type).join(', ')
    yield `${indent}${node.name}(${inputs}) -> ${outputs}`
    if (node.graph) yield * graphLines(node.graph, indent + '  ')
  }
  for (const edge of graph.edges) {
    yield `${indent}${edge.from_node}.${edge.from_output} => ${edge.to_node}.${edge.to_input}`
  }
}

function * planLines (plan) {
  yield `${plan.steps.length} steps in ${plan.levels} levels`
  for (const step of plan.steps) {
    yield `${step.level} ${step.key} [${step.kind}] after (${step.upstream.join(', ')})`
  }
}

async function * assetLines (client) {
  for await (const part of client.GetAssetGraph({})) {
    for (const asset of part.assets) yield `asset ${asset.key} in ${asset.group}`
    for (const edge of part.edges) yield `${edge.from_key} => ${edge.to_key}`
  }
}

function detailsOf (error) {
  const types = protobuf.loadSync(path.join(__dirname, 'errors.proto'))
  const [encoded] = error.metadata.get('grpc-status-details-bin')
  const status = types.lookupType('google.rpc.Status').decode(encoded)
  return status.details.map(detail => {
    const name = detail.typeUrl.split('/').pop()
    return [name, types.lookupType(name).decode(detail.value)]
  })
}

function * errorLines (error) {
  yield `${grpc.status[error.code]}: ${error.details}`
  for (const [name, detail] of detailsOf(error)) {
    yield `${name}: ${detail.resourceType} ${detail.resourceName}`
  }
}

async function main ([address, protos, job]) {
  const client = connect(address, protos)
  const print = async lines => { for await (const line of lines) console.log(line) }
  try {
    await print(jobLines(client))
    await print(graphLines((await call(client, 'GetJob', { name: job })).graph))
    await print(planLines((await call(client, 'GetExecutionPlan', { job })).plan))
    await print(assetLines(client))
    const missing = await call(client, 'GetJob', { name: job + 's' }).catch(error => error)
    await print(errorLines(missing))
  } finally {
    client.close()
  }
}

main(process.argv.slice(2)).catch(error => {
  console.error(error.message)
  process.exitCode = 1
})
