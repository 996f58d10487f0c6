CREATE TABLE agent_sessions (
                session_id TEXT PRIMARY KEY,
                created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
                updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
            );
INSERT INTO "agent_sessions" VALUES ('user-1', '2026-11-26 01:02:03', '2026-11-26 01:02:03');
CREATE TABLE agent_messages (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                session_id TEXT NOT NULL,
                message_data TEXT NOT NULL,
                created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
                FOREIGN KEY (session_id) REFERENCES agent_sessions (session_id)
                    ON DELETE CASCADE
            );
INSERT INTO "agent_messages" VALUES (1, 'user-1', '{"content": "How is the weather?", "role": "user"}', '2026-11-26 01:02:03');
INSERT INTO "agent_messages" VALUES (2, 'user-1', '{"id": "rs_1", "summary": [{"text": "I should look.", "type": "summary_text"}], "type": "reasoning"}', '2026-11-26 01:02:03');
INSERT INTO "agent_messages" VALUES (3, 'user-1', '{"arguments": "{\"city\": \"Oslo\"}", "call_id": "call_1", "name": "weather", "type": "function_call", "id": "fc_1", "status": "completed"}', '2026-11-26 01:02:03');
INSERT INTO "agent_messages" VALUES (4, 'user-1', '{"call_id": "call_1", "output": "rain in Oslo", "type": "function_call_output"}', '2026-11-26 01:02:03');
INSERT INTO "agent_messages" VALUES (5, 'user-1', '{"id": "msg_2", "content": [{"annotations": [], "text": "It says: rain in Oslo", "type": "output_text", "logprobs": []}], "role": "assistant", "status": "completed", "type": "message"}', '2026-11-26 01:02:03');
INSERT INTO "agent_messages" VALUES (6, 'user-1', '{"content": "Thanks", "role": "user"}', '2026-11-26 01:02:03');
INSERT INTO "agent_messages" VALUES (7, 'user-1', '{"id": "msg_3", "content": [{"annotations": [], "text": "It says: Thanks", "type": "output_text", "logprobs": []}], "role": "assistant", "status": "completed", "type": "message"}', '2026-11-26 01:02:03');
