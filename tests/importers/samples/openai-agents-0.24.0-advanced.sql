CREATE TABLE agent_sessions (
                session_id TEXT PRIMARY KEY,
                created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
                updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
            );
INSERT INTO "agent_sessions" VALUES ('user-2', '2026-11-26 01:02:03', '2026-11-26 01:02:03');
CREATE TABLE agent_messages (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                session_id TEXT NOT NULL,
                message_data TEXT NOT NULL,
                created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
                FOREIGN KEY (session_id) REFERENCES agent_sessions (session_id)
                    ON DELETE CASCADE
            );
INSERT INTO "agent_messages" VALUES (1, 'user-2', '{"content": "How is the weather?", "role": "user"}', '2026-11-26 01:02:03');
INSERT INTO "agent_messages" VALUES (2, 'user-2', '{"id": "rs_4", "summary": [{"text": "I should look.", "type": "summary_text"}], "type": "reasoning"}', '2026-11-26 01:02:03');
INSERT INTO "agent_messages" VALUES (3, 'user-2', '{"arguments": "{\"city\": \"Oslo\"}", "call_id": "call_4", "name": "weather", "type": "function_call", "id": "fc_4", "status": "completed"}', '2026-11-26 01:02:03');
INSERT INTO "agent_messages" VALUES (4, 'user-2', '{"call_id": "call_4", "output": "rain in Oslo", "type": "function_call_output"}', '2026-11-26 01:02:03');
INSERT INTO "agent_messages" VALUES (5, 'user-2', '{"id": "msg_5", "content": [{"annotations": [], "text": "It says: rain in Oslo", "type": "output_text", "logprobs": []}], "role": "assistant", "status": "completed", "type": "message"}', '2026-11-26 01:02:03');
INSERT INTO "agent_messages" VALUES (6, 'user-2', '{"content": "And tomorrow?", "role": "user"}', '2026-11-26 01:02:03');
INSERT INTO "agent_messages" VALUES (7, 'user-2', '{"id": "msg_6", "content": [{"annotations": [], "text": "It says: And tomorrow?", "type": "output_text", "logprobs": []}], "role": "assistant", "status": "completed", "type": "message"}', '2026-11-26 01:02:03');
INSERT INTO "agent_messages" VALUES (8, 'user-2', '{"content": "And in May?", "role": "user"}', '2026-11-26 01:02:03');
INSERT INTO "agent_messages" VALUES (9, 'user-2', '{"id": "msg_7", "content": [{"annotations": [], "text": "It says: And in May?", "type": "output_text", "logprobs": []}], "role": "assistant", "status": "completed", "type": "message"}', '2026-11-26 01:02:03');
CREATE TABLE message_structure (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                session_id TEXT NOT NULL,
                message_id INTEGER NOT NULL,
                branch_id TEXT NOT NULL DEFAULT 'main',
                message_type TEXT NOT NULL,
                sequence_number INTEGER NOT NULL,
                user_turn_number INTEGER,
                branch_turn_number INTEGER,
                tool_name TEXT,
                created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
                FOREIGN KEY (session_id)
                    REFERENCES agent_sessions(session_id) ON DELETE CASCADE,
                FOREIGN KEY (message_id)
                    REFERENCES agent_messages(id) ON DELETE CASCADE
            );
INSERT INTO "message_structure" VALUES (1, 'user-2', 1, 'main', 'user', 1, 1, 1, NULL, '2026-11-26 01:02:03');
INSERT INTO "message_structure" VALUES (2, 'user-2', 2, 'main', 'reasoning', 2, 1, 1, NULL, '2026-11-26 01:02:03');
INSERT INTO "message_structure" VALUES (3, 'user-2', 3, 'main', 'function_call', 3, 1, 1, 'weather', '2026-11-26 01:02:03');
INSERT INTO "message_structure" VALUES (4, 'user-2', 4, 'main', 'function_call_output', 4, 1, 1, NULL, '2026-11-26 01:02:03');
INSERT INTO "message_structure" VALUES (5, 'user-2', 5, 'main', 'assistant', 5, 1, 1, NULL, '2026-11-26 01:02:03');
INSERT INTO "message_structure" VALUES (6, 'user-2', 6, 'main', 'user', 6, 2, 2, NULL, '2026-11-26 01:02:03');
INSERT INTO "message_structure" VALUES (7, 'user-2', 7, 'main', 'assistant', 7, 2, 2, NULL, '2026-11-26 01:02:03');
INSERT INTO "message_structure" VALUES (8, 'user-2', 1, 'other', 'user', 8, 1, 1, NULL, '2026-11-26 01:02:03');
INSERT INTO "message_structure" VALUES (9, 'user-2', 2, 'other', 'reasoning', 9, 1, 1, NULL, '2026-11-26 01:02:03');
INSERT INTO "message_structure" VALUES (10, 'user-2', 3, 'other', 'function_call', 10, 1, 1, 'weather', '2026-11-26 01:02:03');
INSERT INTO "message_structure" VALUES (11, 'user-2', 4, 'other', 'function_call_output', 11, 1, 1, NULL, '2026-11-26 01:02:03');
INSERT INTO "message_structure" VALUES (12, 'user-2', 5, 'other', 'assistant', 12, 1, 1, NULL, '2026-11-26 01:02:03');
INSERT INTO "message_structure" VALUES (13, 'user-2', 8, 'other', 'user', 13, 2, 2, NULL, '2026-11-26 01:02:03');
INSERT INTO "message_structure" VALUES (14, 'user-2', 9, 'other', 'assistant', 14, 2, 2, NULL, '2026-11-26 01:02:03');
CREATE TABLE turn_usage (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                session_id TEXT NOT NULL,
                branch_id TEXT NOT NULL DEFAULT 'main',
                user_turn_number INTEGER NOT NULL,
                requests INTEGER DEFAULT 0,
                input_tokens INTEGER DEFAULT 0,
                output_tokens INTEGER DEFAULT 0,
                total_tokens INTEGER DEFAULT 0,
                input_tokens_details JSON,
                output_tokens_details JSON,
                created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
                FOREIGN KEY (session_id)
                    REFERENCES agent_sessions(session_id) ON DELETE CASCADE,
                UNIQUE(session_id, branch_id, user_turn_number)
            );
INSERT INTO "turn_usage" VALUES (1, 'user-2', 'main', 1, 2, 209, 29, 238, '{"cache_write_tokens": 0, "cached_tokens": 0, "cache_write_tokens_details": null}', '{"reasoning_tokens": 0}', '2026-11-26 01:02:03');
INSERT INTO "turn_usage" VALUES (2, 'user-2', 'main', 2, 1, 106, 16, 122, '{"cache_write_tokens": 0, "cached_tokens": 0, "cache_write_tokens_details": null}', '{"reasoning_tokens": 0}', '2026-11-26 01:02:03');
INSERT INTO "turn_usage" VALUES (3, 'user-2', 'other', 2, 1, 107, 17, 124, '{"cache_write_tokens": 0, "cached_tokens": 0, "cache_write_tokens_details": null}', '{"reasoning_tokens": 0}', '2026-11-26 01:02:03');
CREATE TABLE branch_reservations (
                session_id TEXT NOT NULL,
                branch_id TEXT NOT NULL,
                PRIMARY KEY (session_id, branch_id)
            );
INSERT INTO "branch_reservations" VALUES ('user-2', 'main');
INSERT INTO "branch_reservations" VALUES ('user-2', 'other');
CREATE TABLE session_clear_generations (
                session_id TEXT PRIMARY KEY,
                generation INTEGER NOT NULL DEFAULT 0
            );
INSERT INTO "session_clear_generations" VALUES ('user-2', 0);
