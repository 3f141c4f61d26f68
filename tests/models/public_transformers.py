"""Models of Hugging Face's transformers, small.

Authors
 * The speechbrain_growth authors 2026
"""

import torch
import transformers
from growing import BEHIND, HEADS, ONE_MAP, Public

TOKENS = torch.tensor([[1, 2, 3, 4, 5], [4, 3, 3, 1, 2]])
# Options of their configurations that draw random numbers
RANDOM = """
    activation_dropout attention_dropout attention_probs_dropout_prob attn_pdrop
    classifier_dropout decoder_layerdrop dropout embd_pdrop encoder_layerdrop
    feat_proj_dropout final_dropout hidden_dropout hidden_dropout_prob layerdrop
    mask_time_prob resid_pdrop
""".split()


def built(name, attention="sdpa"):
    """A function that builds a model by its class, without dropout"""

    def build(**sizes):
        kind = getattr(transformers, name)
        known = kind.config_class()
        quiet = {key: 0.0 for key in RANDOM if hasattr(known, key)}
        config = kind.config_class(**quiet, **sizes)
        config._attn_implementation = attention
        return kind(config)

    return build


def called(field="logits", **inputs):
    """A function that returns how a model is called"""

    def draw(generator):
        given = {
            name: torch.randn(one, generator=generator)
            if isinstance(one, tuple)
            else one
            for name, one in inputs.items()
        }
        return lambda model: getattr(model(**given), field)

    return draw


def gpt2(attention):
    """A row of GPT-2"""
    return Public(
        built("GPT2LMHeadModel", attention),
        called(input_ids=TOKENS, use_cache=False),
        {
            "vocab_size": 7,
            "n_positions": 8,
            "n_embd": 4,
            "n_head": 2,
            "n_inner": 6,
            "n_layer": 1,
        },
        {
            "width": {"n_embd": 8, "n_head": 4},
            "FFN": {"n_inner": 9},
            "heads": {"n_head": 4},
            "head size": {"n_embd": 8},
            "depth": {"n_layer": 2},
        },
        {"heads": HEADS},
    )


def llama(attention, **more):
    """A row of Llama"""
    return Public(
        built("LlamaForCausalLM", attention),
        called(input_ids=TOKENS, use_cache=False),
        {
            "vocab_size": 7,
            "hidden_size": 4,
            "intermediate_size": 6,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 2,
            "num_hidden_layers": 1,
            "max_position_embeddings": 8,
            **more,
        },
        {
            "width": {"hidden_size": 8},
            "FFN": {"intermediate_size": 9},
            "heads": {"num_attention_heads": 4, "num_key_value_heads": 2},
            "head size": {"head_dim": 4},
            "depth": {"num_hidden_layers": 2},
        },
        {"head size": ONE_MAP},
        tolerance=2e-6,
    )


ENCODER = {
    "hidden_size": 4,
    "intermediate_size": 6,
    "num_attention_heads": 2,
    "num_hidden_layers": 1,
}
ENCODER_GROWTHS = {
    "width": {"hidden_size": 8, "num_attention_heads": 4},
    "FFN": {"intermediate_size": 9},
    "heads": {"num_attention_heads": 4},
    "head size": {"hidden_size": 8},
    "depth": {"num_hidden_layers": 2},
}
WAVES = {
    **ENCODER,
    "vocab_size": 5,
    "conv_dim": (4, 4),
    "conv_kernel": (5, 3),
    "conv_stride": (3, 2),
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 1,
}


def wav2vec(refused, **more):
    """A row of wav2vec 2.0"""
    return Public(
        built("Wav2Vec2ForCTC"),
        called(input_values=(2, 80)),
        {**WAVES, **more},
        {**ENCODER_GROWTHS, "embedding": {"conv_dim": (8, 8)}},
        {"heads": HEADS, **refused},
    )


BEFORE = {"do_stable_layer_norm": True, "feat_extract_norm": "layer"}
MODELS = {
    "GPT-2": gpt2("sdpa"),
    "GPT-2, eager attention": gpt2("eager"),
    "Llama": llama("sdpa"),
    "Llama, eager attention, tied weights": llama(
        "eager", tie_word_embeddings=True
    ),
    "BERT": Public(
        built("BertForMaskedLM"),
        called(input_ids=TOKENS, attention_mask=(TOKENS > 0).long()),
        {
            **ENCODER,
            "vocab_size": 7,
            "max_position_embeddings": 8,
        },
        ENCODER_GROWTHS,
        {"heads": HEADS, "depth": BEHIND},
    ),
    "ALBERT": Public(
        built("AlbertForMaskedLM"),
        called(input_ids=TOKENS),
        {
            **ENCODER,
            "vocab_size": 7,
            "max_position_embeddings": 8,
            "embedding_size": 4,
        },
        {
            **{k: v for k, v in ENCODER_GROWTHS.items() if k != "depth"},
            "embedding": {"embedding_size": 8},
        },
        {"heads": HEADS},
    ),
    "ViT": Public(
        built("ViTForImageClassification"),
        called(pixel_values=(2, 3, 8, 8)),
        {**ENCODER, "image_size": 8, "patch_size": 4, "num_labels": 3},
        ENCODER_GROWTHS,
        {"heads": HEADS},
    ),
    "wav2vec 2.0": wav2vec({"depth": BEHIND}),
    "wav2vec 2.0, norms before": wav2vec({}, **BEFORE),
    "Whisper": Public(
        built("WhisperForConditionalGeneration"),
        called(
            input_features=(2, 3, 8),
            decoder_input_ids=TOKENS,
            use_cache=False,
        ),
        {
            "vocab_size": 7,
            "num_mel_bins": 3,
            "d_model": 4,
            "encoder_layers": 1,
            "decoder_layers": 1,
            "encoder_attention_heads": 2,
            "decoder_attention_heads": 2,
            "encoder_ffn_dim": 6,
            "decoder_ffn_dim": 6,
            "max_source_positions": 4,
            "max_target_positions": 8,
            "pad_token_id": 0,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "decoder_start_token_id": 1,
        },
        {
            "width": {
                "d_model": 8,
                "encoder_attention_heads": 4,
                "decoder_attention_heads": 4,
            },
            "FFN": {"encoder_ffn_dim": 9, "decoder_ffn_dim": 9},
            "heads": {
                "encoder_attention_heads": 4,
                "decoder_attention_heads": 4,
            },
            "head size": {"d_model": 8},
            "depth": {"encoder_layers": 2, "decoder_layers": 2},
        },
        {"heads": HEADS},
    ),
}
