CREATE TABLE "conversations" (
   "id" TEXT PRIMARY KEY,
   "name" TEXT,
   "model" TEXT
);
CREATE TABLE "attachments" (
   "id" TEXT PRIMARY KEY,
   "type" TEXT,
   "path" TEXT,
   "url" TEXT,
   "content" BLOB
);
INSERT INTO "attachments" VALUES ('0f4636c78f65d3639ece5a064b5ae753e3408614a14fb18ab4d7540d2c248543', 'image/png', NULL, NULL, X'89504E47');
CREATE TABLE "prompt_attachments" (
   "response_id" TEXT REFERENCES "responses"("id"),
   "attachment_id" TEXT REFERENCES "attachments"("id"),
   "order" INTEGER,
   PRIMARY KEY ("response_id", "attachment_id")
);
CREATE TABLE "schemas" (
   "id" TEXT PRIMARY KEY,
   "content" TEXT
);
CREATE TABLE "responses" (
   "id" TEXT PRIMARY KEY,
   "model" TEXT,
   "prompt" TEXT,
   "system" TEXT,
   "prompt_json" TEXT,
   "options_json" TEXT,
   "response" TEXT,
   "response_json" TEXT,
   "conversation_id" TEXT REFERENCES "conversations"("id"),
   "duration_ms" INTEGER,
   "datetime_utc" TEXT,
   "input_tokens" INTEGER,
   "output_tokens" INTEGER,
   "token_details" TEXT,
   "schema_id" TEXT REFERENCES "schemas"("id")
, "resolved_model" TEXT, "reasoning" TEXT);
CREATE TABLE "fragments" (
   "id" INTEGER PRIMARY KEY,
   "hash" TEXT,
   "content" TEXT,
   "datetime_utc" TEXT,
   "source" TEXT
);
INSERT INTO "fragments" VALUES (1, '3db4b4cb11b53eafb70d304e76a4cde494ae36adaa15ea2758ee49d7143c3f69', 'a long file', '2026-11-26 01:01:55', NULL);
CREATE TABLE "fragment_aliases" (
   "alias" TEXT PRIMARY KEY,
   "fragment_id" INTEGER REFERENCES "fragments"("id")
);
CREATE TABLE "prompt_fragments" (
   "response_id" TEXT REFERENCES "responses"("id"),
   "fragment_id" INTEGER REFERENCES "fragments"("id"),
   "order" INTEGER,
   PRIMARY KEY ("response_id", "fragment_id", "order")
);
CREATE TABLE "system_fragments" (
   "response_id" TEXT REFERENCES "responses"("id"),
   "fragment_id" INTEGER REFERENCES "fragments"("id"),
   "order" INTEGER,
   PRIMARY KEY ("response_id", "fragment_id", "order")
);
CREATE TABLE "tools" (
   "id" INTEGER PRIMARY KEY,
   "hash" TEXT,
   "name" TEXT,
   "description" TEXT,
   "input_schema" TEXT
, "plugin" TEXT);
INSERT INTO "tools" VALUES (1, '0643660ff01a3887ca51c40a3eb4b932862d3fc81d30e45e74dd60e0d74df2c6', 'weather', 'The weather in a city', '{"properties": {"city": {"type": "string"}}, "required": ["city"], "type": "object"}', NULL);
CREATE TABLE "tool_responses" (
   "tool_id" INTEGER REFERENCES "tools"("id"),
   "response_id" TEXT REFERENCES "responses"("id"),
   PRIMARY KEY ("tool_id", "response_id")
);
CREATE TABLE "tool_calls" (
   "id" INTEGER PRIMARY KEY,
   "response_id" TEXT REFERENCES "responses"("id"),
   "tool_id" INTEGER REFERENCES "tools"("id"),
   "name" TEXT,
   "arguments" TEXT,
   "tool_call_id" TEXT
);
CREATE TABLE "tool_instances" (
   "id" INTEGER PRIMARY KEY,
   "plugin" TEXT,
   "name" TEXT,
   "arguments" TEXT
);
CREATE TABLE "tool_results" (
   "id" INTEGER PRIMARY KEY,
   "response_id" TEXT REFERENCES "responses"("id"),
   "tool_id" INTEGER REFERENCES "tools"("id"),
   "name" TEXT,
   "output" TEXT,
   "tool_call_id" TEXT,
   "instance_id" INTEGER REFERENCES "tool_instances"("id")
, "exception" TEXT);
CREATE TABLE "tool_results_attachments" (
   "tool_result_id" INTEGER REFERENCES "tool_results"("id"),
   "attachment_id" TEXT REFERENCES "attachments"("id"),
   "order" INTEGER,
   PRIMARY KEY ("tool_result_id", "attachment_id")
);
CREATE TABLE "messages" (
   "hash" TEXT PRIMARY KEY,
   "parent_hash" TEXT REFERENCES "messages"("hash"),
   "role" TEXT,
   "provider_metadata" TEXT
);
INSERT INTO "messages" VALUES ('b2:74946ab8fe7c7ee5032e723178f22395', NULL, 'system', NULL);
INSERT INTO "messages" VALUES ('b2:b27a61a7358b9a5a089bc463b286d112', 'b2:74946ab8fe7c7ee5032e723178f22395', 'user', NULL);
INSERT INTO "messages" VALUES ('b2:71f469c2eabb27d0864497273912db07', 'b2:b27a61a7358b9a5a089bc463b286d112', 'assistant', NULL);
INSERT INTO "messages" VALUES ('b2:a6e88c851cf1c534865bbd707623f4ea', 'b2:71f469c2eabb27d0864497273912db07', 'tool', NULL);
INSERT INTO "messages" VALUES ('b2:10dd03f3fa00a2a362cc965c515c25b1', 'b2:a6e88c851cf1c534865bbd707623f4ea', 'assistant', NULL);
INSERT INTO "messages" VALUES ('b2:b659da3acb9a5a9d31652352279b1d45', NULL, 'user', NULL);
INSERT INTO "messages" VALUES ('b2:55b977d87dc071ff7c65e20f39be6eef', 'b2:b659da3acb9a5a9d31652352279b1d45', 'assistant', NULL);
INSERT INTO "messages" VALUES ('b2:c2b5c12292f3dd7f899a7d206c18618f', 'b2:55b977d87dc071ff7c65e20f39be6eef', 'user', NULL);
INSERT INTO "messages" VALUES ('b2:eee063fd9e6758d2a800e8f64d8bbea5', 'b2:c2b5c12292f3dd7f899a7d206c18618f', 'assistant', NULL);
INSERT INTO "messages" VALUES ('b2:0bb20a3980f4b320f517e8e6fb41a776', NULL, 'user', NULL);
INSERT INTO "messages" VALUES ('b2:308f08b97c2e8d701b1a423b86b76f63', 'b2:0bb20a3980f4b320f517e8e6fb41a776', 'assistant', NULL);
CREATE TABLE "parts" (
   "id" INTEGER PRIMARY KEY,
   "message_hash" TEXT REFERENCES "messages"("hash"),
   "position" INTEGER,
   "type" TEXT,
   "tool_name" TEXT,
   "text" TEXT,
   "payload" TEXT
);
INSERT INTO "parts" VALUES (1, 'b2:74946ab8fe7c7ee5032e723178f22395', 0, 'text', NULL, 'Be short', NULL);
INSERT INTO "parts" VALUES (2, 'b2:b27a61a7358b9a5a089bc463b286d112', 0, 'text', NULL, 'Weather in Oslo?', NULL);
INSERT INTO "parts" VALUES (3, 'b2:71f469c2eabb27d0864497273912db07', 0, 'tool_call', 'weather', NULL, '{"name": "weather", "arguments": {"city": "Oslo"}, "tool_call_id": "call_1"}');
INSERT INTO "parts" VALUES (4, 'b2:a6e88c851cf1c534865bbd707623f4ea', 0, 'tool_result', 'weather', NULL, '{"name": "weather", "output": "rain in Oslo", "tool_call_id": "call_1"}');
INSERT INTO "parts" VALUES (5, 'b2:10dd03f3fa00a2a362cc965c515c25b1', 0, 'text', NULL, 'It says: rain in Oslo', NULL);
INSERT INTO "parts" VALUES (6, 'b2:b659da3acb9a5a9d31652352279b1d45', 0, 'text', NULL, 'What is this?', NULL);
INSERT INTO "parts" VALUES (7, 'b2:b659da3acb9a5a9d31652352279b1d45', 1, 'attachment', NULL, NULL, '{"attachment": {"id": "0f4636c78f65d3639ece5a064b5ae753e3408614a14fb18ab4d7540d2c248543"}}');
INSERT INTO "parts" VALUES (8, 'b2:55b977d87dc071ff7c65e20f39be6eef', 0, 'text', NULL, 'You said: What is this?', NULL);
INSERT INTO "parts" VALUES (9, 'b2:c2b5c12292f3dd7f899a7d206c18618f', 0, 'text', NULL, 'Thanks', NULL);
INSERT INTO "parts" VALUES (10, 'b2:eee063fd9e6758d2a800e8f64d8bbea5', 0, 'text', NULL, 'You said: Thanks', NULL);
INSERT INTO "parts" VALUES (11, 'b2:0bb20a3980f4b320f517e8e6fb41a776', 0, 'text', NULL, NULL, '{"text_ref": [{"fragment": 1}, {"literal": "\nRead this"}]}');
INSERT INTO "parts" VALUES (12, 'b2:308f08b97c2e8d701b1a423b86b76f63', 0, 'text', NULL, 'You said: a long file
Read this', NULL);
CREATE TABLE "part_attachments" (
   "part_id" INTEGER REFERENCES "parts"("id"),
   "attachment_id" TEXT REFERENCES "attachments"("id"),
   "order" INTEGER,
   PRIMARY KEY ("part_id", "attachment_id", "order")
);
INSERT INTO "part_attachments" VALUES (7, '0f4636c78f65d3639ece5a064b5ae753e3408614a14fb18ab4d7540d2c248543', 0);
CREATE TABLE "part_fragments" (
   "part_id" INTEGER REFERENCES "parts"("id"),
   "fragment_id" INTEGER REFERENCES "fragments"("id"),
   "order" INTEGER,
   PRIMARY KEY ("part_id", "fragment_id", "order")
);
INSERT INTO "part_fragments" VALUES (11, 1, 0);
CREATE TABLE "threads" (
   "id" TEXT PRIMARY KEY,
   "name" TEXT,
   "tip_message_hash" TEXT REFERENCES "messages"("hash"),
   "forked_from" TEXT REFERENCES "threads"("id"),
   "datetime_utc" TEXT
);
INSERT INTO "threads" VALUES ('01m8anz4v5ejkk0bwbjdjmt6cv', 'Weather in Oslo?', 'b2:10dd03f3fa00a2a362cc965c515c25b1', NULL, '2026-11-26 01:01:54.919815+00:00');
INSERT INTO "threads" VALUES ('01m8anz4vv14d210gh5rkngrf9', 'What is this?', 'b2:eee063fd9e6758d2a800e8f64d8bbea5', NULL, '2026-11-26 01:01:54.939816+00:00');
INSERT INTO "threads" VALUES ('01m8anz4xstvwjrg230gfkr9x2', 'a long file Read this', 'b2:308f08b97c2e8d701b1a423b86b76f63', NULL, '2026-11-26 01:01:55.001976+00:00');
CREATE TABLE "turns" (
   "id" TEXT PRIMARY KEY,
   "thread_id" TEXT REFERENCES "threads"("id"),
   "parent_message_hash" TEXT REFERENCES "messages"("hash"),
   "tip_message_hash" TEXT REFERENCES "messages"("hash"),
   "model" TEXT,
   "resolved_model" TEXT,
   "options_json" TEXT,
   "schema_id" TEXT REFERENCES "schemas"("id"),
   "input_tokens" INTEGER,
   "output_tokens" INTEGER,
   "token_details" TEXT,
   "duration_ms" INTEGER,
   "datetime_utc" TEXT
, "response_json" TEXT);
INSERT INTO "turns" VALUES ('01m8anz4v5ejkk0bwbjdjmt6cw', '01m8anz4v5ejkk0bwbjdjmt6cv', 'b2:b27a61a7358b9a5a089bc463b286d112', 'b2:71f469c2eabb27d0864497273912db07', 'parrot-1', NULL, NULL, NULL, 21, 4, '{"prompt_tokens_details": {"cached_tokens": 8}}', 0, '2026-11-26T01:01:54.918061+00:00', NULL);
INSERT INTO "turns" VALUES ('01m8anz4vfhvqhjssm5qey2few', '01m8anz4v5ejkk0bwbjdjmt6cv', 'b2:a6e88c851cf1c534865bbd707623f4ea', 'b2:10dd03f3fa00a2a362cc965c515c25b1', 'parrot-1', NULL, NULL, NULL, 21, 4, '{"prompt_tokens_details": {"cached_tokens": 8}}', 0, '2026-11-26T01:01:54.927123+00:00', NULL);
INSERT INTO "turns" VALUES ('01m8anz4vv14d210gh5rkngrfa', '01m8anz4vv14d210gh5rkngrf9', 'b2:b659da3acb9a5a9d31652352279b1d45', 'b2:55b977d87dc071ff7c65e20f39be6eef', 'parrot-1', NULL, NULL, NULL, 21, 4, '{"prompt_tokens_details": {"cached_tokens": 8}}', 0, '2026-11-26T01:01:54.939525+00:00', NULL);
INSERT INTO "turns" VALUES ('01m8anz4w5yyq944gj0yh3wga6', '01m8anz4vv14d210gh5rkngrf9', 'b2:c2b5c12292f3dd7f899a7d206c18618f', 'b2:eee063fd9e6758d2a800e8f64d8bbea5', 'parrot-1', NULL, NULL, NULL, 21, 4, '{"prompt_tokens_details": {"cached_tokens": 8}}', 0, '2026-11-26T01:01:54.949984+00:00', NULL);
INSERT INTO "turns" VALUES ('01m8anz4xpkf1jfcmvkz9113wy', '01m8anz4xstvwjrg230gfkr9x2', 'b2:0bb20a3980f4b320f517e8e6fb41a776', 'b2:308f08b97c2e8d701b1a423b86b76f63', 'parrot-1', NULL, NULL, NULL, 21, 4, '{"prompt_tokens_details": {"cached_tokens": 8}}', 0, '2026-11-26T01:01:54.998481+00:00', NULL);
CREATE TABLE "turn_fragments" (
   "turn_id" TEXT REFERENCES "turns"("id"),
   "fragment_id" INTEGER REFERENCES "fragments"("id"),
   "order" INTEGER,
   "kind" TEXT,
   PRIMARY KEY ("turn_id", "fragment_id", "kind", "order")
);
INSERT INTO "turn_fragments" VALUES ('01m8anz4xpkf1jfcmvkz9113wy', 1, 0, 'prompt');
CREATE TABLE "turn_search" (
   "id" INTEGER PRIMARY KEY,
   "turn_id" TEXT REFERENCES "turns"("id"),
   "prompt" TEXT,
   "response" TEXT
);
INSERT INTO "turn_search" VALUES (1, '01m8anz4v5ejkk0bwbjdjmt6cw', 'Weather in Oslo?', '');
INSERT INTO "turn_search" VALUES (2, '01m8anz4vfhvqhjssm5qey2few', '', 'It says: rain in Oslo');
INSERT INTO "turn_search" VALUES (3, '01m8anz4vv14d210gh5rkngrfa', 'What is this?', 'You said: What is this?');
INSERT INTO "turn_search" VALUES (4, '01m8anz4w5yyq944gj0yh3wga6', 'Thanks', 'You said: Thanks');
INSERT INTO "turn_search" VALUES (5, '01m8anz4xpkf1jfcmvkz9113wy', '
Read this', 'You said: a long file
Read this');
CREATE TABLE "turn_tools" (
   "turn_id" TEXT REFERENCES "turns"("id"),
   "tool_id" INTEGER REFERENCES "tools"("id"),
   "instance_id" INTEGER REFERENCES "tool_instances"("id"),
   PRIMARY KEY ("turn_id", "tool_id")
);
INSERT INTO "turn_tools" VALUES ('01m8anz4v5ejkk0bwbjdjmt6cw', 1, NULL);
INSERT INTO "turn_tools" VALUES ('01m8anz4vfhvqhjssm5qey2few', 1, NULL);
CREATE TABLE "tool_instantiations" (
   "turn_id" TEXT REFERENCES "turns"("id"),
   "tool_call_id" TEXT,
   "instance_id" INTEGER REFERENCES "tool_instances"("id"),
   PRIMARY KEY ("turn_id", "tool_call_id")
);
