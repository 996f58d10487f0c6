CREATE TABLE "conversations" (
   "id" TEXT PRIMARY KEY,
   "name" TEXT,
   "model" TEXT
);
INSERT INTO "conversations" VALUES ('01m8anzvdvy9ykczaebxbds170', 'Weather in Oslo?', 'parrot-1');
INSERT INTO "conversations" VALUES ('01m8anzvknq78n94hdx9wsj47a', 'What is this?', 'parrot-1');
INSERT INTO "conversations" VALUES ('01m8anzvqhzz30sr6hdex5cqen', 'a long file Read this', 'parrot-1');
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
INSERT INTO "prompt_attachments" VALUES ('01m8anzvknq78n94hdx9wsj47b', '0f4636c78f65d3639ece5a064b5ae753e3408614a14fb18ab4d7540d2c248543', 0);
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
, "resolved_model" TEXT);
INSERT INTO "responses" VALUES ('01m8anzvdvy9ykczaebxbds171', 'parrot-1', 'Weather in Oslo?', 'Be short', NULL, '{}', '', NULL, '01m8anzvdvy9ykczaebxbds170', 0, '2026-11-26T01:02:18.043468+00:00', 21, 4, '{"prompt_tokens_details": {"cached_tokens": 8}}', NULL, NULL);
INSERT INTO "responses" VALUES ('01m8anzvh8vkwkyjqtqgcvc78t', 'parrot-1', '', NULL, NULL, '{}', 'It says: rain in Oslo', NULL, '01m8anzvdvy9ykczaebxbds170', 0, '2026-11-26T01:02:18.152913+00:00', 21, 4, '{"prompt_tokens_details": {"cached_tokens": 8}}', NULL, NULL);
INSERT INTO "responses" VALUES ('01m8anzvknq78n94hdx9wsj47b', 'parrot-1', 'What is this?', NULL, NULL, '{}', 'You said: What is this?', NULL, '01m8anzvknq78n94hdx9wsj47a', 0, '2026-11-26T01:02:18.229783+00:00', 21, 4, '{"prompt_tokens_details": {"cached_tokens": 8}}', NULL, NULL);
INSERT INTO "responses" VALUES ('01m8anzvpnhbvnhdmrsx7fkq4y', 'parrot-1', 'Thanks', NULL, NULL, '{}', 'You said: Thanks', NULL, '01m8anzvknq78n94hdx9wsj47a', 0, '2026-11-26T01:02:18.325800+00:00', 21, 4, '{"prompt_tokens_details": {"cached_tokens": 8}}', NULL, NULL);
INSERT INTO "responses" VALUES ('01m8anzvqhzz30sr6hdex5cqem', 'parrot-1', 'Read this', NULL, NULL, '{}', 'You said: a long file
Read this', NULL, '01m8anzvqhzz30sr6hdex5cqen', 0, '2026-11-26T01:02:18.353753+00:00', 21, 4, '{"prompt_tokens_details": {"cached_tokens": 8}}', NULL, NULL);
CREATE TABLE "fragments" (
   "id" INTEGER PRIMARY KEY,
   "hash" TEXT,
   "content" TEXT,
   "datetime_utc" TEXT,
   "source" TEXT
);
INSERT INTO "fragments" VALUES (1, '3db4b4cb11b53eafb70d304e76a4cde494ae36adaa15ea2758ee49d7143c3f69', 'a long file', '2026-11-26 01:02:18', NULL);
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
INSERT INTO "prompt_fragments" VALUES ('01m8anzvqhzz30sr6hdex5cqem', 1, 0);
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
INSERT INTO "tool_responses" VALUES (1, '01m8anzvdvy9ykczaebxbds171');
INSERT INTO "tool_responses" VALUES (1, '01m8anzvh8vkwkyjqtqgcvc78t');
CREATE TABLE "tool_calls" (
   "id" INTEGER PRIMARY KEY,
   "response_id" TEXT REFERENCES "responses"("id"),
   "tool_id" INTEGER REFERENCES "tools"("id"),
   "name" TEXT,
   "arguments" TEXT,
   "tool_call_id" TEXT
);
INSERT INTO "tool_calls" VALUES (1, '01m8anzvdvy9ykczaebxbds171', 1, 'weather', '{"city": "Oslo"}', 'call_1');
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
INSERT INTO "tool_results" VALUES (1, '01m8anzvh8vkwkyjqtqgcvc78t', 1, 'weather', 'rain in Oslo', 'call_1', NULL, NULL);
CREATE TABLE "tool_results_attachments" (
   "tool_result_id" INTEGER REFERENCES "tool_results"("id"),
   "attachment_id" TEXT REFERENCES "attachments"("id"),
   "order" INTEGER,
   PRIMARY KEY ("tool_result_id", "attachment_id")
);
